#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Plants each violation in a small clean tree and expects exactly its complaint, and no other."""

import os
import sys
import tempfile
import tomllib
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import cxx  # noqa: E402
from house import Rules, Tree  # noqa: E402
from tidy import complaints  # noqa: E402

SPDX = "// SPDX-License-Identifier: Apache-2.0\n"
HEADER = SPDX + "// What this is for.\n#pragma once\n"

CLEAN = {
    "src/base/words.h": HEADER + "#include <string>\nnamespace headrace { std::string word(); }\n",
    "src/base/words.cc": SPDX + '#include "base/words.h"\n#include <spdlog/spdlog.h>\n',
    "src/base/words_test.cc": SPDX + '#include "base/words.h"\n#include <gtest/gtest.h>\n',
    "src/base/CMakeLists.txt": "# SPDX-License-Identifier: Apache-2.0\nheadrace_room(NAME base LIBS fmt::fmt)\n",
    "src/metrics/counter.h": HEADER + '#include "base/words.h"\n',
    "src/net/frame.h": HEADER,
    "src/records/key.h": HEADER + '#include "metrics/counter.h"\n#include "net/frame.h"\n',
    "src/records/testing/suite.h": HEADER + '#include "records/key.h"\n#include <gtest/gtest.h>\n',
    "src/records/key.cc": SPDX + '#include "records/key.h"\n#include <sqlite3.h>\n',
    "src/records/store_test.cc": SPDX + '#include "records/testing/suite.h"\n',
    "src/meta/rename.h": HEADER + '#include "records/key.h"\n',
    "src/meta/rename_test.cc": SPDX + '#include "net/frame.h"\n#include "records/testing/suite.h"\n',
    "src/meta/CMakeLists.txt": "# SPDX-License-Identifier: Apache-2.0\n"
    "headrace_room(NAME meta\n              ROOMS records metrics base LIBS fmt::fmt)\n",
    "src/apps/main.cc": SPDX + '#include "meta/rename.h"\nint main() { return 0; }\n',
    "scripts/go.sh": "#!/bin/sh\n# SPDX-License-Identifier: Apache-2.0\ntrue\n",
    "docs/index.md": "# Pages\n\n[the other](other.md#part), [outside](https://example.org/x), `[no](link.md)`\n",
    "docs/other.md": "text\n",
}


class Planted(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        self.rules = tomllib.loads((HERE / "rules.toml").read_text())
        self.rules["allow"] = []
        for path, text in CLEAN.items():
            self.write(path, text)

    def write(self, path, text):
        full = self.root / path
        full.parent.mkdir(parents=True, exist_ok=True)
        full.write_text(text)

    def add(self, path, text):
        self.write(path, (self.root / path).read_text() + text)

    def expect(self, *lines):
        found = complaints(Tree(self.root), Rules(self.rules))
        self.assertEqual([str(c) for c in found], list(lines))

    def test_a_clean_tree_passes(self):
        self.expect()

    def test_an_arrow_that_points_up(self):
        self.add("src/records/key.h", '#include "meta/rename.h"\n')
        self.expect("src/records/key.h:6: include: records may not include meta (meta/rename.h)")

    def test_an_arrow_that_skips_a_room_is_for_tests_only(self):
        self.add("src/meta/rename.h", '#include "net/frame.h"\n')
        self.expect("src/meta/rename.h:5: include: meta may not include net (net/frame.h)")

    def test_a_test_may_not_look_up_either(self):
        self.add("src/records/store_test.cc", '#include "meta/rename.h"\n')
        self.expect("src/records/store_test.cc:3: include: records may not include meta (meta/rename.h)")

    def test_a_file_that_is_not_there(self):
        self.add("src/meta/rename.h", '#include "meta/gone.h"\n#include "rename.h"\n')
        self.expect(
            'src/meta/rename.h:5: include: "meta/gone.h" is not a file under src/',
            'src/meta/rename.h:6: include: "rename.h" is not a file under src/',
        )

    def test_a_testing_header_in_production_code(self):
        self.add("src/records/key.cc", '#include "records/testing/suite.h"\n')
        self.expect("src/records/key.cc:4: include: records/testing/suite.h is for tests only")

    def test_an_include_in_a_comment_is_none(self):
        self.add("src/records/key.cc", '// #include "meta/rename.h"\n/*\n#include "meta/rename.h"\n*/\n')
        self.expect()

    def test_a_room_that_is_not_in_the_table(self):
        self.write("src/attic/box.h", HEADER)
        self.expect("src/attic:1: table: this room is not in tests/tidy/rules.toml")

    def test_a_cycle_in_the_table(self):
        self.rules["rooms"]["net"]["may_include"].append("object")
        self.expect("tests/tidy/rules.toml:1: table: net (floor 2) may include object (floor 3)")

    def test_a_name_in_the_table_that_is_no_room(self):
        self.rules["rooms"]["net"]["may_include"].append("nett")
        self.expect("tests/tidy/rules.toml:1: table: net may include nett, which is not a room")

    def test_a_link_wider_than_the_table(self):
        self.write(
            "src/meta/CMakeLists.txt",
            "# SPDX-License-Identifier: Apache-2.0\nheadrace_room(NAME meta ROOMS records object LIBS fmt::fmt)\n",
        )
        self.expect("src/meta/CMakeLists.txt:2: linked: meta may not link object")

    def test_a_heavy_header_in_a_header(self):
        for path, library in {"base": "spdlog/spdlog.h", "metrics": "fmt/core.h", "net": "boost/asio.hpp"}.items():
            self.write(f"src/{path}/heavy.h", HEADER + f"#include <{library}>\n")
        self.write("src/records/light.h", HEADER + "#include <nlohmann/json_fwd.hpp>\n")
        self.write("src/records/heavy.h", HEADER + "#include <sqlite3.h>\n#include <nlohmann/json.hpp>\n")
        self.write("src/apps/heavy.h", HEADER + "#include <CLI/CLI.hpp>\n")
        slow = "only in .cc files: it is slow to compile"
        self.expect(
            f"src/apps/heavy.h:4: library: <CLI/CLI.hpp> {slow}",
            f"src/base/heavy.h:4: library: <spdlog/spdlog.h> {slow}",
            f"src/metrics/heavy.h:4: library: <fmt/core.h> {slow}",
            f"src/net/heavy.h:4: library: <boost/asio.hpp> {slow}",
            f"src/records/heavy.h:4: library: <sqlite3.h> {slow}",
            f"src/records/heavy.h:5: library: <nlohmann/json.hpp> {slow}",
        )

    def test_a_library_in_a_room_that_should_not_know_it(self):
        self.write("src/meta/rename.cc", SPDX + '#include "meta/rename.h"\n#include <sqlite3.h>\n')
        self.add("src/meta/rename_test.cc", '#include "meta/rename.h"\n#include <sqlite3.h>\n')
        self.expect("src/meta/rename.cc:3: library: <sqlite3.h> only in records")

    def test_gtest_in_production_code(self):
        self.add("src/records/key.cc", "#include <gmock/gmock.h>\n")
        self.expect("src/records/key.cc:4: library: <gmock/gmock.h> is for tests only")

    def test_another_header_before_the_own_one(self):
        self.write("src/base/words.cc", SPDX + '#include <string>\n#include "base/words.h"\n')
        self.expect('src/base/words.cc:2: own-header-first: the first include is "base/words.h"')

    def test_a_name_whose_header_is_not_included(self):
        self.write("src/net/frame.h", HEADER + "// std::map is no use\nstd::vector<int> f(std::vector<int>, std::string);\n")
        self.expect(
            "src/net/frame.h:5: not-included: std::string needs <string>",
            "src/net/frame.h:5: not-included: std::vector needs <vector>",
        )

    def test_a_name_whose_header_comes_by_way_of_ours(self):
        self.add("src/records/key.h", "std::string more();\n")
        self.expect()

    def test_a_name_of_another_library(self):
        self.add("src/base/words.cc", 'auto x = fmt::format("{}", 1);\n')
        self.expect("src/base/words.cc:4: not-included: fmt::format needs <fmt/>")
        self.write("src/base/words.cc", SPDX + '#include "base/words.h"\n#include <fmt/core.h>\nauto x = fmt::format("{}", 1);\n')
        self.expect()

    def test_a_header_without_pragma_once(self):
        self.write("src/net/frame.h", SPDX + "// A frame. It has no #pragma once.\n")
        self.expect("src/net/frame.h:1: pragma-once: a header says #pragma once")

    def test_a_header_that_does_not_say_what_it_is_for(self):
        self.write("src/net/frame.h", SPDX + "#pragma once\n" + "\n" * 8 + "// late\n")
        self.expect("src/net/frame.h:2: manual: the first lines say what this header is for")

    def test_files_without_a_licence_line(self):
        self.write("src/net/frame.h", "// Frames.\n// Whole ones.\n#pragma once\n")
        self.write("python/headrace/a.py", "pass\n")
        self.write("scripts/go.sh", "#!/bin/sh\ntrue\n")
        self.write("cmake/x.cmake", "set(a b)\n")
        self.write(".ci/run", "#!/bin/sh\ntrue\n")
        wish = "spdx: the first line says SPDX-License-Identifier: Apache-2.0"
        files = [".ci/run", "cmake/x.cmake", "python/headrace/a.py", "scripts/go.sh", "src/net/frame.h"]
        self.expect(*[f"{f}:1: {wish}" for f in files])

    def test_a_file_of_601_lines(self):
        self.write("scripts/go.sh", "# SPDX-License-Identifier: Apache-2.0\n" + "true\n" * 599)
        self.expect()
        self.add("scripts/go.sh", "true\n")
        self.expect("scripts/go.sh:601: file-length: 601 lines, at most 600")

    def test_a_comment_of_121_columns(self):
        self.write("src/net/frame.h", HEADER + "// " + "é" * 117 + "\n")
        self.expect()
        self.add("src/net/frame.h", "int a;  // " + "x" * 110 + "\n")
        self.expect("src/net/frame.h:5: comment-width: a comment of 121 columns, at most 120")

    def test_a_function_of_81_lines(self):
        body = "  work();\n"
        self.write("src/net/frame.h", HEADER + "inline int Frame::size() const {\n" + body * 78 + "}\n")
        self.expect()
        self.write("src/net/frame.h", HEADER + "inline int Frame::size() const {\n" + body * 79 + "}\n")
        self.expect("src/net/frame.h:4: function-length: Frame::size has 81 lines, at most 80")

    def test_a_long_python_function(self):
        self.write("scripts/a.py", "# SPDX-License-Identifier: Apache-2.0\ndef f():\n" + "    g()\n" * 80)
        self.expect("scripts/a.py:2: function-length: f has 81 lines, at most 80")

    def test_an_allowed_exception_needs_a_reason_and_a_need(self):
        self.write("src/net/frame.h", HEADER + "inline int size() {\n" + "  f();\n" * 90 + "}\n")
        entry = {"rule": "function-length", "path": "src/net/frame.h", "item": "size", "reason": "one table"}
        self.rules["allow"] = [entry]
        self.expect()
        entry["reason"] = " "
        self.expect(
            "tests/tidy/rules.toml:1: allow: no reason is given for function-length in src/net/frame.h"
        )
        entry.update(reason="one table", item="other")
        self.expect(
            "src/net/frame.h:4: function-length: size has 92 lines, at most 80",
            "tests/tidy/rules.toml:1: allow: nothing needs function-length in src/net/frame.h any more",
        )

    def test_calls_that_go_around_our_own_seams(self):
        calls = {
            "std::this_thread::sleep_for(wait);": ("sleep_for", "waiting goes through base/event.h"),
            "::usleep(5);": ("usleep", "waiting goes through base/event.h"),
            "sleep(1);": ("sleep", "waiting goes through base/event.h"),
            "std::condition_variable_any ready;": ("std::condition_variable_any", "waiting goes through base/event.h"),
            "std::mutex lock;": (
                "std::mutex",
                "locks are Mutex and MutexLock of base/mutex.h, so that the compiler checks GUARDED_BY",
            ),
            "int n = rand();": ("rand", "chance comes in through base/rng.h"),
            "std::random_device seed;": ("std::random_device", "chance comes in through base/rng.h"),
            "auto t = std::chrono::system_clock::now();": ("system_clock::now", "time comes in through base/clock.h"),
            "time(nullptr);": ("time(nullptr)", "time comes in through base/clock.h"),
            "worker.detach();": (".detach()", "a thread has an owner that joins it"),
            'throw std::runtime_error("x");': ("throw", "we throw no exceptions; return a Result"),
        }
        self.rules["names"] = {}
        self.write("src/records/key.cc", SPDX + '#include "records/key.h"\n' + "\n".join(calls) + "\n")
        self.write("src/records/store_test.cc", SPDX + '#include "records/key.h"\n' + "\n".join(calls) + "\n")
        self.expect(
            *[f"src/records/key.cc:{n}: forbidden: {word}: {why}" for n, (word, why) in enumerate(calls.values(), 3)]
        )

    def test_words_that_only_look_forbidden(self):
        self.add(
            "src/records/key.cc",
            "// sleep_for(1) and throw in a comment\n"
            'log("rand() in a string");\n'
            "clock.sleep(1); policy.time(0); int grand(); x.rand(); int time(int zone);\n",
        )
        self.add("src/base/words.cc", "#include <mutex>\nstd::mutex lock;\n")
        self.write("src/base/clock.h", HEADER + "#include <chrono>\ninline auto now() { return std::chrono::system_clock::now(); }\n")
        self.expect()

    def test_a_source_without_a_test(self):
        self.write("src/meta/link.h", HEADER)
        self.write("src/meta/link.cc", SPDX + '#include "meta/link.h"\n')
        self.expect("src/meta/link.cc:1: no-test: no *_test.cc of meta stands beside it or includes its header")
        self.write("src/meta/link_test.cc", SPDX)
        self.expect()

    def test_a_source_without_a_header_of_its_own_counts_by_the_one_it_implements(self):
        self.write("src/meta/rename_check.cc", SPDX + '#include "meta/rename.h"\n')
        self.expect("src/meta/rename_check.cc:1: no-test: no *_test.cc of meta stands beside it or includes its header")
        self.add("src/meta/rename_test.cc", '#include "meta/rename.h"\n')
        self.expect()

    def test_tabs_and_trailing_space(self):
        self.add("scripts/go.sh", "\ttrue\ntrue \n")
        self.write("docs/other.md", "no end")
        self.expect(
            "docs/other.md:1: whitespace: no newline at the end of the file",
            "scripts/go.sh:4: whitespace: a tab",
            "scripts/go.sh:5: whitespace: space at the end of the line",
        )

    def test_a_link_that_leads_nowhere(self):
        self.add("docs/index.md", "\n[gone](gone.md)\n\n```\n[x](fenced.md)\n```\n")
        self.expect("docs/index.md:5: link: gone.md leads nowhere")

    def test_python_that_does_not_parse(self):
        self.write("scripts/a.py", "# SPDX-License-Identifier: Apache-2.0\ndef f(:\n")
        self.expect("scripts/a.py:2: python: invalid syntax")

    def test_what_is_built_is_not_checked(self):
        self.write("build/dev/x.cc", "\t\n")
        self.write("tests/__pycache__/x.py", "\t\n")
        self.expect()


class Functions(unittest.TestCase):
    """The reading of C++ that the length check stands on."""

    def found(self, code):
        return cxx.functions(code)

    def test_scopes_and_kinds(self):
        code = """namespace a {
struct GUARD("x") B final : C<int(void)> {
  B(int n) : n_{n}, m_(2) {
    go();
  }
  ~B() override { stop(); }
  bool operator()(int x) const { return x; }
 private:
  std::array<int, 2> list_{1, 2};
  std::function<void()> call_ = [] { f(); };
};
template <typename T>
  requires(sizeof(T) > 1)
Result<void> B::read(
    int a) {
  if (a) { b(); }
}
const std::map<int, int> kTable = {{1, f(2)}, {3, 4}};
enum class E { kA, kB };
#define X(a) do { a } while (0)
TEST(Store, KeepsWhatItGot) {
}
}  // namespace a
"""
        self.assertEqual(
            self.found(code),
            [
                ("B", 3, 5),
                ("~B", 6, 6),
                ("operator()", 7, 7),
                ("B::read", 12, 17),
                ("Store.KeepsWhatItGot", 21, 22),
            ],
        )

    def test_braces_in_text_do_not_count(self):
        code = 'int f() {\n  g("}", \'}\', R"x(}")x");  // }\n  return 1\'000;\n}\nint h() {\n}\n'
        self.assertEqual(self.found(code), [("f", 1, 4), ("h", 5, 6)])


if __name__ == "__main__":
    os.environ.setdefault("PYTHONDONTWRITEBYTECODE", "1")
    unittest.main()
