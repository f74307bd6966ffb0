// SPDX-License-Identifier: Apache-2.0
// The fuzz targets without libFuzzer: replays corpora, and makes mutants of real models (docs/fuzzing.md).
//
//   bantam_fuzz replay testdata/fuzz               every file of every testdata/fuzz/<reader>/
//   bantam_fuzz mutants COUNT SEED model.onnx ...  converts COUNT seeded mutants of the models
//   bantam_fuzz mutant NUMBER SEED OUT model.onnx ...   writes one of them
//
// A finding ends the program by a signal, after a line that says which file or mutant it was.
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>

#include "base/file.h"
#include "fuzz/fuzz.h"
#include "fuzz/mutate.h"

extern "C" {
int fuzz_onnx(const uint8_t*, size_t);
int fuzz_tflite(const uint8_t*, size_t);
int fuzz_btm(const uint8_t*, size_t);
int fuzz_text(const uint8_t*, size_t);
int fuzz_recipe(const uint8_t*, size_t);
int fuzz_npy(const uint8_t*, size_t);
int fuzz_npz(const uint8_t*, size_t);
int fuzz_toml(const uint8_t*, size_t);
int fuzz_image(const uint8_t*, size_t);
}

namespace bantam::fuzz {
namespace {

const std::map<std::string, int (*)(const uint8_t*, size_t)> kTargets = {
    {"onnx", fuzz_onnx}, {"tflite", fuzz_tflite}, {"btm", fuzz_btm},   {"text", fuzz_text},  {"recipe", fuzz_recipe},
    {"npy", fuzz_npy},   {"npz", fuzz_npz},       {"toml", fuzz_toml}, {"image", fuzz_image}};
constexpr unsigned kSeconds = 120;  // for one input, on a busy machine with sanitizers

// What is being worked on, for the signal handler.
char g_current[600];

void on_signal(int number) {
  const char* why = number == SIGALRM ? "fuzz: takes too long: " : "fuzz: failed on: ";
  (void)!::write(STDERR_FILENO, why, std::strlen(why));
  (void)!::write(STDERR_FILENO, g_current, std::strlen(g_current));
  (void)!::write(STDERR_FILENO, "\n", 1);
  ::signal(number, SIG_DFL);
  ::raise(number);
}

void start(const std::string& what) {
  std::snprintf(g_current, sizeof g_current, "%s", what.c_str());
  ::alarm(kSeconds);
}

std::vector<uint8_t> load(const std::string& path) {
  const auto file = read_file(path);
  if (!file.ok()) fail(file.error().message);
  return {file->data(), file->data() + file->size()};
}

int replay(const std::string& root) {
  for (const auto& [reader, target] : kTargets) {
    const std::string folder = root + "/" + reader;
    const auto names = list_files(folder);
    if (!names.ok() || names->empty()) fail(folder + " holds no inputs");
    for (const std::string& name : *names) {
      start(folder + "/" + name);
      const auto bytes = load(folder + "/" + name);
      target(bytes.data(), bytes.size());
      // cut off at every byte where the input is short, else at some
      const size_t step = bytes.size() / 200 + 1;
      for (size_t n = 0; n < bytes.size(); n += step) target(bytes.data(), n);
    }
    std::printf("%s: %zu inputs\n", reader.c_str(), names->size());
  }
  return 0;
}

std::vector<uint8_t> mutant(const std::vector<std::vector<uint8_t>>& models, uint64_t seed, uint64_t number) {
  Random random(seed * 0x100000001B3u + number);
  return mutate(models[number % models.size()], random);
}

int mutants(uint64_t count, uint64_t seed, const std::vector<std::vector<uint8_t>>& models) {
  std::map<int, uint64_t> exits;
  for (uint64_t i = 0; i < count; ++i) {
    start("mutant " + std::to_string(i) + " of seed " + std::to_string(seed));
    const auto bytes = mutant(models, seed, i);
    ++exits[convert(bytes_of(bytes.data(), bytes.size()))];
  }
  ::alarm(0);
  std::printf("%llu mutants:", static_cast<unsigned long long>(count));
  for (const auto& [code, n] : exits) std::printf(" exit %d: %llu", code, static_cast<unsigned long long>(n));
  std::printf("\n");
  return 0;
}

int run(const std::vector<std::string>& arguments) {
  const auto number = [&](size_t i) { return std::strtoull(arguments[i].c_str(), nullptr, 10); };
  const auto models = [&](size_t from) {
    std::vector<std::vector<uint8_t>> list;
    for (size_t i = from; i < arguments.size(); ++i) list.push_back(load(arguments[i]));
    return list;
  };
  if (arguments.size() == 2 && arguments[0] == "replay") return replay(arguments[1]);
  if (arguments.size() > 3 && arguments[0] == "mutants") return mutants(number(1), number(2), models(3));
  if (arguments.size() > 4 && arguments[0] == "mutant") {
    OutputFiles out;
    if (!out.write(arguments[3], Bytes(mutant(models(4), number(2), number(1)))).ok() || !out.commit().ok()) return 5;
    return 0;
  }
  std::fprintf(stderr, "usage: bantam_fuzz replay FOLDER | mutants COUNT SEED MODEL... | mutant NUMBER SEED OUT MODEL...\n");
  return 2;
}

}  // namespace
}  // namespace bantam::fuzz

int main(int argc, char** argv) {
  for (const int number : {SIGABRT, SIGALRM}) ::signal(number, bantam::fuzz::on_signal);
#if !defined(__SANITIZE_ADDRESS__)
  for (const int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL}) ::signal(number, bantam::fuzz::on_signal);
#endif
  return bantam::fuzz::run({argv + 1, argv + argc});
}
