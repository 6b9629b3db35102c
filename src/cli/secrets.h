// SPDX-License-Identifier: Apache-2.0
// Secrets come from the environment under JuiceFS's names. They are read once, at the very start, and then taken out of
// the environment and overwritten where /proc/PID/environ shows them; a password in a URL on the command line is
// overwritten in place.
#pragma once

#include <span>
#include <string>

namespace headrace::cli {

struct Secrets {
  std::string meta_password;  // META_PASSWORD
  std::string access_key;     // ACCESS_KEY
  std::string secret_key;     // SECRET_KEY
};

/// Takes the secrets out of the environment. To be called first in main(), while there is one thread. `environ`: the
/// process's own.
Secrets take_secrets(char** environment);

/// Overwrites passwords in arguments of the form scheme://user:password@… with '*'. Returns how many there were. The
/// caller has copied what it needs.
int wipe_passwords(std::span<char*> arguments);

}  // namespace headrace::cli
