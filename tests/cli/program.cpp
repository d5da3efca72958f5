#include "tests/cli/program.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <stdexcept>

#include "tests/runtime/golden.h"

namespace weft::test {
namespace {

struct Streams {
  TemporaryDirectory directory;
  std::filesystem::path in = directory.path() / "in";
  std::filesystem::path out = directory.path() / "out";
  std::filesystem::path err = directory.path() / "err";
};

[[noreturn]] void become_weft(const Workplace& place, std::vector<std::string> words, int in,
                              int out, int err, const Surroundings& surroundings) {
  dup2(in, STDIN_FILENO);
  dup2(out, STDOUT_FILENO);
  dup2(err, STDERR_FILENO);
  if (chdir(place.path().c_str()) != 0) _exit(126);
  if (surroundings.largest_file) {
    const rlimit limit{*surroundings.largest_file, *surroundings.largest_file};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  for (const auto& [name, value] : surroundings.environment) {
    setenv(name.c_str(), value.c_str(), 1);
  }
  words.insert(words.begin(), "weft");
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  execv(WEFT_PROGRAM, arguments.data());
  _exit(127);
}

Outcome wait_for(pid_t child, const Streams& streams) {
  int status = 0;
  rusage usage{};
  while (wait4(child, &status, 0, &usage) < 0) {
  }
  Outcome outcome;
  if (WIFEXITED(status)) outcome.exit_code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) outcome.signal = WTERMSIG(status);
  outcome.out = streams.directory.read("out");
  outcome.err = streams.directory.read("err");
  outcome.peak_kilobytes = usage.ru_maxrss;
  return outcome;
}

}  // namespace

void Workplace::copy_golden(const std::string& from, const std::string& name) const {
  std::filesystem::copy(golden(from), path() / name, std::filesystem::copy_options::recursive);
}

Outcome weft(const Workplace& place, const std::vector<std::string>& words,
             const Surroundings& surroundings) {
  const Streams streams;
  streams.directory.write("in", surroundings.input);
  streams.directory.write("out", "");
  const std::string out_name =
      surroundings.out_file.empty() ? streams.out.string() : surroundings.out_file;
  const int in = open(streams.in.c_str(), O_RDONLY | O_CLOEXEC);
  const int out = open(out_name.c_str(), O_WRONLY | O_CLOEXEC);
  const int err = open(streams.err.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  const pid_t child = fork();
  if (child == 0) become_weft(place, words, in, out, err, surroundings);
  for (const int descriptor : {in, out, err}) close(descriptor);
  return wait_for(child, streams);
}

Outcome weft_signalled(const Workplace& place, const std::vector<std::string>& words, int signal,
                       bool (*file_appears)(const Workplace&)) {
  const Streams streams;
  int in[2];
  if (pipe2(in, O_CLOEXEC) != 0) throw std::runtime_error("cannot create a pipe");
  const int out = open(streams.out.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  const int err = open(streams.err.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  const pid_t child = fork();
  if (child == 0) become_weft(place, words, in[0], out, err, {});
  for (int i = 0; i < 3000 && !file_appears(place); ++i) usleep(10'000);
  usleep(100'000);  // it now loads the model or waits for its input; both must end well
  kill(child, signal);
  const Outcome outcome = wait_for(child, streams);
  for (const int descriptor : {in[0], in[1], out, err}) close(descriptor);
  return outcome;
}

std::string not_a_clean_failure(const Workplace& place, const std::vector<std::string>& before,
                                const Outcome& outcome, int exit_code,
                                const std::vector<std::string>& words_in_error) {
  const std::string& err = outcome.err;
  if (outcome.exit_code != exit_code) {
    return fmt::format("exit code: expected {}, found {} (signal {}; stderr: {})", exit_code,
                       outcome.exit_code, outcome.signal, err);
  }
  if (!outcome.out.empty()) return "stdout: expected nothing, found " + outcome.out;
  if (std::count(err.begin(), err.end(), '\n') != 1 || err.back() != '\n') {
    return "stderr: expected exactly one line, found: " + err;
  }
  for (const std::string& words : words_in_error) {
    if (err.find(words) == std::string::npos) {
      return fmt::format("stderr: expected '{}' in it, found: {}", words, err);
    }
  }
  if (place.entries() != before) {
    return fmt::format("folder: expected {}, found {}", before, place.entries());
  }
  return "";
}

}  // namespace weft::test
