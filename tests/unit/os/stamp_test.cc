
#include "base/error.hh"
#include "os/file.hh"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace qt {
namespace {

class StampTest : public testing::Test {
protected:
  void expect_refused() const {
    try {
      clear_stamp(m_path);
      ADD_FAILURE() << "no Error";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::usage);
    }
  }

  const TempDir m_folder{"stamp-"};
  const std::string m_path = m_folder.path() + "/stamp";
  const std::string m_victim = m_folder.path() + "/victim";
};

TEST_F(StampTest, ComesAndGoes) {
  clear_stamp(m_path);
  write_stamp(m_path);
  EXPECT_EQ(read_file(m_path), "");
  write_stamp(m_path);
  clear_stamp(m_path);
  EXPECT_FALSE(exists(m_path));
}

TEST_F(StampTest, RemovesNothingThatIsNoStamp) {
  make_directories(m_path + "/inside");
  expect_refused();
  EXPECT_TRUE(exists(m_path + "/inside"));
  remove_tree(m_path);
  ASSERT_EQ(::mkfifo(m_path.c_str(), 0600), 0);
  expect_refused();
  clear_stamp("/dev/null");
  write_stamp("/dev/null");
  struct stat status {};
  ASSERT_EQ(::stat("/dev/null", &status), 0);
  EXPECT_TRUE(S_ISCHR(status.st_mode));
}

TEST_F(StampTest, GoesThroughNoLink) {
  write_file(m_victim, "content");
  ASSERT_EQ(::symlink(m_victim.c_str(), m_path.c_str()), 0);
  write_stamp(m_path);
  EXPECT_EQ(read_file(m_victim), "content");
  ::unlink(m_path.c_str());
  ASSERT_EQ(::symlink(m_victim.c_str(), m_path.c_str()), 0);
  clear_stamp(m_path);
  EXPECT_FALSE(exists(m_path));
  EXPECT_EQ(read_file(m_victim), "content");
}

} // namespace
} // namespace qt
