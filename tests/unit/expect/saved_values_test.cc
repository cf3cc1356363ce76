#include "expect/step_run.hh"

#include <gtest/gtest.h>

namespace saved_values_test {

using namespace qt;

TEST(SavedValuesTest, ReplacesOnlyWhatIsKept) {
  SavedValues saved;
  saved.keep("ip", "10.0.2.15");
  saved.keep("port", 4711);
  saved.keep("list", Json::array({1, "a"}));
  EXPECT_EQ(saved.put_into("${ip}:${port}"), "10.0.2.15:4711");
  EXPECT_EQ(saved.put_into("$${ip} ${HOME} $${HOME} $ip ${ip"), "${ip} ${HOME} ${HOME} $ip ${ip");
  EXPECT_EQ(saved.put_into("${list}"), "[1,\"a\"]");
  EXPECT_EQ(saved.put_into("$$$${ip}$"), "$$${ip}$");
  EXPECT_EQ(saved.put_into_all(Json({{"${ip}", {"${port}", 1, true}}})),
            Json({{"${ip}", {"4711", 1, true}}}));
}

} // namespace saved_values_test
