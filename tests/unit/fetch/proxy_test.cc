#include "fetch/proxy.hh"

#include "environment.hh"

#include <gtest/gtest.h>

namespace qt {
namespace proxy_test {

using support::ScopedVariable;

class ProxyTest : public testing::Test {
  const ScopedVariable m_http{"http_proxy", "http://me:s3cret@Proxy.example:3128/"};
  const ScopedVariable m_https{"https_proxy", std::nullopt};
  const ScopedVariable m_upper{"HTTPS_PROXY", "secure.example:8080"};
  const ScopedVariable m_all{"all_proxy", std::nullopt};
  const ScopedVariable m_all_upper{"ALL_PROXY", std::nullopt};
  const ScopedVariable m_none{"no_proxy", ".inside.example, other.example,10.0.0.0/8,192.168.1.1"};
  const ScopedVariable m_none_upper{"NO_PROXY", std::nullopt};
};

TEST_F(ProxyTest, IsThatOfTheSchemeWithoutPassword) {
  EXPECT_EQ(proxy_of("http://host/file"), "proxy.example:3128");
  EXPECT_EQ(proxy_of("HTTPS://me:x@host:1/file"), "secure.example:8080");
  EXPECT_EQ(proxy_of("file:///file"), "");
  EXPECT_EQ(proxy_of("http://127.0.0.1:80/"), "");
  EXPECT_EQ(proxy_of("http://localhost/"), "");
  const ScopedVariable all("all_proxy", "socks5h://last.example");
  EXPECT_EQ(proxy_of("http://host/file"), "proxy.example:3128");
  const ScopedVariable http("http_proxy", "");
  EXPECT_EQ(proxy_of("http://host/file"), "last.example");
}

TEST_F(ProxyTest, SomeHostsNeedNone) {
  for (const char* url : {"http://inside.example/", "http://a.inside.example:80/f",
                          "http://OTHER.example/", "http://a.other.example/", "http://192.168.1.1/",
                          "http://10.1.2.3/"}) { // the last: only libcurl knows
    EXPECT_EQ(proxy_of(url), "") << url;
  }
  for (const char* url :
       {"http://another.example/", "http://inside.example.org/", "http://1.192.168.1.1.example/"}) {
    EXPECT_NE(proxy_of(url), "") << url;
  }
  const ScopedVariable none("no_proxy", "*");
  EXPECT_EQ(proxy_of("http://host/file"), "");
}

} // namespace proxy_test
} // namespace qt
