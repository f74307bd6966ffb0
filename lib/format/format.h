// SPDX-License-Identifier: Apache-2.0
// File formats. Each folder of formats/ defines one `const Format` in its format.cc; the list is generated
// from the folders. Reading and writing work on whole files in memory (mapped, where they are read).
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "eval/test_vectors.h"
#include "format/limits.h"
#include "format/size_map.h"
#include "ir/graph.h"

namespace bantam {

struct ReadOptions {
  ImportLimits limits;
  // Lengths for inputs whose shape is not fixed: input name -> shape (--shape).
  std::map<std::string, Shape> shapes;
};

// A model as read: the graph, and what the reader wants to say about it.
struct Model {
  Graph graph;
  std::vector<std::string> notes;  // one sentence each
  std::string format;              // "onnx", "native", ...
  uint64_t file_bytes = 0;         // with external data
};

// What a writer is told besides the graph. A format ignores what it has no place for.
struct WriteOptions {
  std::string model_name;            // the output's file name without folder and suffix
  std::string meta;                  // JSON: tool, source, recipe
  std::string codec = "best";        // of constants: "none", "pack" or "best"
  bool names = true;                 // of inner values and nodes
  int opset = 0;                     // of ONNX; 0: the lowest that holds the graph
  std::string integers = "u8u8";     // activations and weights in ONNX: "u8u8", "u8s8" or "s8s8"
  std::string profile;               // the TargetSpec of Format::profiles to write for; "": Format::target
  uint64_t most_inside = 1'900'000'000;  // bytes of weights in an ONNX file; others go into a file beside it
  std::vector<TestVector> tests;
  struct Plan {
    std::vector<Shape> shapes;  // per input
    uint64_t bytes = 0;         // of activations
  };
  std::vector<Plan> plans;
  // ---- TensorFlow Lite ----
  bool dynamic_range = false;  // products of floats by 8-bit weights round their inputs in each run
  // How a picture becomes the input: (value - mean) / deviation of values 0..255, one number or one per channel.
  struct Pictures {
    std::vector<float> mean, deviation;
    bool grey = false;  // else red, green, blue
  };
  std::optional<Pictures> pictures;
  std::vector<std::string> class_names;  // along the last axis of an output
  // ---- Core ML, TensorFlow Lite ----
  bool float16 = false;  // computes in half precision (TensorFlow Lite: stores in it); inputs and outputs stay f32
  int ios = 0;           // the oldest system that is to run it, 15 to 18; 0: the oldest that can
};

// A model as written.
struct WrittenModel {
  struct File {
    std::string path;  // "": the output itself; else a path inside the output, which is a folder then
    Bytes bytes;
    bool beside = false;  // the path is one in the output's own folder
  };
  std::vector<File> files;
  std::vector<SizeRow> size_map;   // rows add up to the bytes of all files
  std::vector<std::string> notes;  // one sentence each: what runs in float there, say
  uint64_t bytes() const;
};

// What the runtime behind a format can do, besides what its writer refuses: data for `inspect --target`.
struct TargetSpec {
  const char* name;     // what --target calls it
  const char* runtime;  // who runs the files
  const char* types;    // of the numbers in tensors and weights
  int most_axes;
  uint64_t most_bytes;  // of one file; 0: no limit
  bool wide;            // activations may be integers of 16 bits
  bool wide_is_fast;    // ... and they are computed faster than floats: choose-precision uses them
  // Operators that it computes in float although their values are quantized.
  struct Row {
    const char* op;
    const char* why;
    const char* instead;  // what to change, or ""
  };
  std::span<const Row> in_float;
};

struct Format {
  const char* name;     // folder of formats/
  const char* suffix;   // ".onnx"
  const char* summary;  // one line for the documentation
  // Whether the first bytes look like this format; a suffix decides where several do.
  bool (*sniff)(const Bytes& file);
  // `path` is for messages and for data beside the file. Null: the format is only written.
  Result<Model> (*read)(const Bytes& file, const std::string& path, const ReadOptions& options);
  // ---- writing; `write` is null where the format is only read ----
  // Steps of a recipe that bring a finished graph into the form that the format holds; "": none.
  const char* target_recipe;
  bool carries_tests;  // the file holds test vectors and memory plans
  // The graph as the recipe left it (lowered, where it was quantized), after `target_recipe`. An error of
  // code unsupported lists everything that the format cannot hold. Called through write_model.
  Result<WrittenModel> (*write)(const Graph& graph, const WriteOptions& options);
  const TargetSpec* target;
  // Runtimes that want the same format in another way: `convert --target NAME`.
  std::span<const TargetSpec> profiles = {};
};

const std::vector<const Format*>& all_formats();
// The format of a file that is to be read, by its suffix, else by its content.
Result<const Format*> format_of(const Bytes& file, const std::string& path);
// The format that an output path names by its suffix; an error of code usage where none does.
Result<const Format*> writer_of(const std::string& path);
// Checks what the target says of integers, and calls the writer.
Result<WrittenModel> write_model(const Graph& graph, const Format& format, const WriteOptions& options);
Result<Model> read_model(const std::string& path, const ReadOptions& options = {});

}  // namespace bantam
