#include "base/secrets.hh"

#include <gtest/gtest.h>

namespace qt {
namespace secrets_test {

TEST(Secrets, AreLeftOutOfUrls) {
  struct Row {
    const char* text;
    const char* shown;
  };
  for (const Row& row : {
           Row{"http://me:s3cret@host/a@b", "http://host/a@b"},
           Row{"http://me@host:80", "http://host:80"},
           Row{"https://host/a@b?c", "https://host/a@b?c"},
           Row{"https://host/f?private_token=s3cret&x=1", "https://host/f?private_token=***&x=1"},
           Row{"https://host/f?X-Amz-Signature=s3cret#part",
               "https://host/f?X-Amz-Signature=***#part"},
           Row{"https://host/f?sv=2020&sig=s3cret;se=9", "https://host/f?sv=2020&sig=***;se=9"},
           Row{"https://host/f;token=s3cret/g;v=1?x=2", "https://host/f;token=***;v=1?x=2"},
           Row{"https://host/f?%74oken=s3cret&pass=s3cret", "https://host/f?%74oken=***&pass=***"},
           Row{"https://host/f?%zz=1&%t=2&%", "https://host/f?%zz=1&%t=2&%"},
           Row{"https://host/f#access_token=s3cret", "https://host/f#access_token=***"},
           Row{"https://host/f?t=glpat0123456789abcdefgh", "https://host/f?t=***"},
           Row{"https://host/f?glpat0123456789abcdefgh", "https://host/f?***"},
           Row{"https://host/f?j=eyJhbGciOi.eyJzdWIiOi.x", "https://host/f?j=***"},
           Row{"https://host/d?id=3zGlbmXh8pXFewt", "https://host/d?id=3zGlbmXh8pXFewt"},
           Row{"https://host/d?file=a-long-name-of-a-file.tar.gz",
               "https://host/d?file=a-long-name-of-a-file.tar.gz"},
           Row{"https://host/d?key=&token", "https://host/d?key=&token"},
           Row{"qt-fetch 'https://a:b@c/d' x https://e:f@g", "qt-fetch 'https://c/d' x https://g"},
           Row{"https://a/=https://me:s3cret@b/", "https://a/=https://b/"},
           Row{"https://a/?u=http://me:s3cret@b/&token=s3cret", "https://a/?u=http://b/&token=***"},
           Row{"http://me:s3 cret@host/f", "http://host/f"},
           Row{"http://m e:s3cret@host/f", "http://host/f"},
           Row{"'http://me:s3'\\''cret@host/f' x", "'http://host/f' x"},
           Row{"http://me:s3\"<>`cr\tet@host/f", "http://host/f"},
           Row{"http://me:s3/cr?e#t@host/f", "http://host/f"},
           Row{"http://me:s3\ncret@host/f", "http://host/f"},
           Row{"http://me:3 3@host/f", "http://host/f"},
           Row{"http://me:s3@cr et@host/f", "http://host/f"},
           Row{"a http://me:s3 cret@h/ b http://me:s/3@h/", "a http://h/ b http://h/"},
           Row{"http://host:80/a@b and me@c", "http://host:80/a@b and me@c"},
           Row{"http://[::1]:80/a@b", "http://[::1]:80/a@b"},
           Row{"at http://host/: write to me@c", "at http://host/: write to me@c"},
           Row{"at http://host\nwrite to: me@c", "at http://host\nwrite to: me@c"},
           Row{"http://host/it's?token=s3cret", "http://host/it's?token=***"},
           Row{"'http://h/it'\\''s?token=s3cret' x", "'http://h/it'\\''s?token=***' x"},
           Row{"'http://h/?token=s3cret', 'x'", "'http://h/?token=***', 'x'"},
           Row{"no URL at all: me@host?token=x", "no URL at all: me@host?token=x"},
           Row{"://", "://"},
           Row{"", ""},
       }) {
    EXPECT_EQ(without_secrets(row.text), row.shown);
  }
}

TEST(Secrets, TheirPlacesDoNotMeet) {
  const std::string text = "https://a/?token=http://me:s3cret@b/0123456789&k=1";
  std::size_t last = 0;
  for (const TextRange& range : secrets_in(text)) {
    EXPECT_LE(last, range.begin);
    EXPECT_LT(range.begin, range.end);
    EXPECT_LE(range.end, text.size());
    last = range.end;
  }
  EXPECT_EQ(without_secrets(text).find("s3cret"), std::string::npos);
}

} // namespace secrets_test
} // namespace qt
