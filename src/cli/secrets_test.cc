// SPDX-License-Identifier: Apache-2.0
#include "cli/secrets.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <vector>

namespace headrace::cli {
namespace {

TEST(Secrets, TheyAreGoneFromTheEnvironmentAndItsMemoryOnceTaken) {
  char password[] = "META_PASSWORD=canary-1", other[] = "META_PASSWORD_FILE=stays", key[] = "ACCESS_KEY=canary-2";
  char* environment[] = {password, other, key, nullptr};
  const Secrets secrets = take_secrets(environment);
  EXPECT_EQ(secrets.meta_password, "canary-1");
  EXPECT_EQ(secrets.access_key, "canary-2");
  EXPECT_EQ(secrets.secret_key, "");
  EXPECT_EQ(std::string(password, sizeof password).find("canary"), std::string::npos);
  EXPECT_EQ(std::string(key, sizeof key).find("canary"), std::string::npos);
  EXPECT_STREQ(other, "META_PASSWORD_FILE=stays");
  EXPECT_EQ(getenv("META_PASSWORD"), nullptr);
}

TEST(Secrets, PasswordsInUrlsAreOverwrittenInPlaceAndNothingElseIs) {
  std::vector<std::string> words{"headrace",
                                 "mount",
                                 "redis://user:pa@ss@host:6379/1",
                                 "redis://host:6379/1",
                                 "--from=redis://:pw@h/1",
                                 "sqlite3:///tmp/a:b@c.db"};
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  EXPECT_EQ(wipe_passwords(arguments), 2);
  EXPECT_EQ(words[2], "redis://user:*****@host:6379/1");
  EXPECT_EQ(words[3], "redis://host:6379/1");
  EXPECT_EQ(words[4], "--from=redis://:**@h/1");
  EXPECT_EQ(words[5], "sqlite3:///tmp/a:b@c.db");
}

}  // namespace
}  // namespace headrace::cli
