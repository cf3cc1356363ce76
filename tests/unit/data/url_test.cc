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

TEST(Url, IsShownWithoutItsUser) {
  EXPECT_EQ(display_url("http://me:s3 cr\"e\nt@host/a b"), "http://host/a%20b");
  EXPECT_EQ(display_url("http://me:s3/cr?e#t@host/a"), "http://host/a");
  EXPECT_EQ(display_url("http://host/it's?token=s3 cr'et"), "http://host/it's?token=***");
}

TEST(Url, SaysWhatIsWrongWithIt) {
  for (const char* url : {"http://me:s3%20cret@host:80/a@b", "http://[::1]:80/a", "http://host:/a",
                          "https://me:s@host", "file:///a:b"}) {
    EXPECT_EQ(url_mistake(url), "") << url;
  }
  EXPECT_NE(url_mistake("http://me:s3 cret@host/").find("%20"), std::string::npos);
  EXPECT_NE(url_mistake("http://host/a b").find("%20"), std::string::npos);
  EXPECT_NE(url_mistake("http://host/a\tb").find("control"), std::string::npos);
  EXPECT_NE(url_mistake("http://me:s3/cret@host/").find("%2F"), std::string::npos);
  EXPECT_NE(url_mistake("http://me:s3#cret@host/").find("no port"), std::string::npos);
}

} // namespace url_test
