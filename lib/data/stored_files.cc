// SPDX-License-Identifier: Apache-2.0
// Samples in a folder: pictures, or one .npy file each. Files are read when they are asked for.
#include <algorithm>
#include <memory>

#include "base/file.h"
#include "base/format.h"
#include "base/text.h"
#include "data/labels.h"
#include "data/npy.h"
#include "data/stored_samples.h"

namespace bantam {
namespace {

constexpr char kLabels[] = "labels.csv";

struct Files {
  std::string folder, target_folder;
  std::vector<std::string> names, target_names;
  bool are_pictures = false;
  Preprocess preprocess;
  Port port;
};

bool has_suffix(std::string name, std::initializer_list<const char*> suffixes) {
  std::transform(name.begin(), name.end(), name.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return std::any_of(suffixes.begin(), suffixes.end(), [&](const char* s) { return name.ends_with(s); });
}
bool is_picture(const std::string& name) { return has_suffix(name, {".jpg", ".jpeg", ".png"}); }
bool is_array(const std::string& name) { return has_suffix(name, {".npy"}); }

Result<std::vector<std::string>> sample_names(const std::string& folder, const std::vector<std::string>& all) {
  std::vector<std::string> pictures, arrays;
  for (const std::string& name : all) {
    if (is_picture(name)) pictures.push_back(name);
    if (is_array(name)) arrays.push_back(name);
  }
  if (!pictures.empty() && !arrays.empty())
    return Error{Code::bad_input, formatted("{} holds pictures ({}) and arrays ({}); samples must be one or the other", quote(folder), quote(pictures[0]), quote(arrays[0]))};
  if (pictures.empty() && arrays.empty())
    return Error{Code::bad_input, formatted("{} holds no samples: files ending in .jpg, .jpeg, .png or .npy, not in folders of their own", quote(folder))};
  return pictures.empty() ? arrays : pictures;
}

// The array of one file against the input: as it is, or with a batch axis of length 1 in front.
Result<Tensor> fitted(const Tensor& array, const Port& port) {
  TRY(const Tensor t, as_type(array, port.dtype));
  TRY(check_finite(t));
  if (fits(t.shape(), port)) return t;
  Shape with_batch = t.shape();
  with_batch.insert(with_batch.begin(), 1);
  if (fits(with_batch, port)) return t.reshaped(with_batch);
  return Error{Code::bad_input, formatted("the array is {}, the model's input {} takes {}", shape_text(t.shape()), quote(port.name), shape_text(*port.shape))};
}

Result<Tensor> load_one(const Files& f, const std::string& name) {
  TRY(const Bytes bytes, read_file(f.folder + "/" + name));
  if (!f.are_pictures) {
    TRY(const Tensor array, map_npy(bytes));
    return fitted(array, f.port);
  }
  TRY(const Image image, decode_image(bytes));
  return as_input(image, f.preprocess, f.port);
}

Result<std::vector<Tensor>> load(const Files& f, int64_t i) {
  const std::string& name = f.names[static_cast<size_t>(i)];
  TRY(Tensor t, within(quote(name), load_one(f, name)));
  return std::vector<Tensor>{std::move(t)};
}

// Of a picture: the bytes of the file and the settings, since decoding a large folder takes minutes.
Result<Hash> hash(const Files& f, int64_t i) {
  if (!f.are_pictures) {
    TRY(const auto inputs, load(f, i));
    return tensor_hash(inputs[0]);
  }
  TRY(const Bytes bytes, read_file(f.folder + "/" + f.names[static_cast<size_t>(i)]));
  const Hash content = hash_of(bytes.data(), bytes.size());
  std::string text(reinterpret_cast<const char*>(content.data()), content.size());
  text += settings_text(f.preprocess);
  return hash_of(text.data(), text.size());
}

Result<Tensor> load_target(const Files& f, int64_t i) {
  const std::string path = f.target_folder + "/" + f.target_names[static_cast<size_t>(i)];
  TRY(const Bytes bytes, read_file(path));
  if (is_array(path)) {
    TRY(const Tensor array, within(printable(path), read_npy(bytes)));
    TRY(within(printable(path), check_finite(array)));
    return array;
  }
  TRY(const Image image, within(printable(path), decode_image(bytes)));
  TRY(const Tensor t, within(printable(path), preprocess(image, f.preprocess, BT_F32)));
  Shape with_batch = t.shape();
  with_batch.insert(with_batch.begin(), 1);
  return t.reshaped(with_batch);
}

// The target of a sample has its name, or the name with .npy for the ending.
Result<void> find_targets(Files& f, const DataFile& file) {
  f.target_folder = path_in(file.folder, file.target);
  if (!is_directory(f.target_folder))
    return Error{Code::bad_input, formatted("target {} is not a folder; the samples lie in a folder, so their targets must too", quote(f.target_folder))};
  TRY(const auto all, list_files(f.target_folder));
  for (const std::string& name : f.names) {
    const std::string array = name.substr(0, name.rfind('.')) + ".npy";
    const bool same = std::binary_search(all.begin(), all.end(), name);
    if (!same && !std::binary_search(all.begin(), all.end(), array))
      return Error{Code::bad_input, formatted("target {} has no file {} (nor {})", quote(f.target_folder), quote(name), quote(array))};
    f.target_names.push_back(same ? name : array);
  }
  return {};
}

Result<void> find_labels(StoredSamples& stored, const Files& f, const DataFile& file, const std::vector<std::string>& all) {
  if (file.labels.empty() && !std::binary_search(all.begin(), all.end(), kLabels)) return {};
  const std::string path = file.labels.empty() ? f.folder + "/" + kLabels : path_in(file.folder, file.labels);
  TRY(const Bytes csv, read_file(path));
  int64_t unused = 0;
  TRY(stored.labels, within(printable(path), labels_of_files(csv, f.names, &unused)));
  if (unused > 0) stored.notes.push_back(formatted("{} names {} files that are not in the folder", quote(path), unused));
  return {};
}

}  // namespace

Result<StoredSamples> stored_files(const DataFile& file, const std::vector<Port>& inputs) {
  if (inputs.size() != 1)
    return Error{Code::bad_input, formatted("a folder serves models with one input, this one has {}: put its arrays into an .npz file", inputs.size())};
  auto f = std::make_shared<Files>();
  f->folder = file.path;
  f->port = inputs[0];
  TRY(const auto all, list_files(file.path));
  TRY(f->names, sample_names(file.path, all));
  f->are_pictures = is_picture(f->names[0]);
  if (file.preprocess && !f->are_pictures) return Error{Code::usage, "[preprocess] is for pictures, and the folder holds arrays"};
  if (file.preprocess) f->preprocess = *file.preprocess;
  StoredSamples stored;
  stored.count = static_cast<int64_t>(f->names.size());
  stored.is_slow = f->are_pictures;
  if (f->are_pictures && !file.preprocess && bt_is_float(f->port.dtype))
    stored.notes.push_back("pictures are given to the model as values 0 to 255, since no [preprocess] says otherwise");
  TRY(find_labels(stored, *f, file, all));
  if (!file.target.empty()) {
    TRY(find_targets(*f, file));
    stored.target = [f](int64_t i) { return load_target(*f, i); };
  }
  stored.load = [f](int64_t i) { return load(*f, i); };
  stored.hash = [f](int64_t i) { return hash(*f, i); };
  stored.name = [f](int64_t i) { return quote(f->names[static_cast<size_t>(i)]); };
  return stored;
}

}  // namespace bantam
