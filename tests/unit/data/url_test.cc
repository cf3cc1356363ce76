#include "data/url.hh"

#include <gtest/gtest.h>

namespace url_test {

using namespace qt;

TEST(Url, OfAFileMeansItsPath) {
  for (const char* path : {"/a", "/with space/100%/ä?b#c", "/a%20b", "/"}) {
    EXPECT_EQ(path_of_file_url(file_url(path)), path);
  }
  EXPECT_EQ(file_url("/a b"), "file:///a%20b");
  EXPECT_EQ(path_of_file_url("FILE://localhost/a%2Fb%zz%4"), "/a/b%zz%4");
  EXPECT_EQ(path_of_file_url("file:///a?query"), "/a");
  EXPECT_EQ(path_of_file_url("file://"), "");
  EXPECT_EQ(path_of_file_url("http://host/a"), std::nullopt);
  EXPECT_EQ(path_of_file_url("/a"), std::nullopt);
}

} // namespace url_test
