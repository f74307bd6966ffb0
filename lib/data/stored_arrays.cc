// SPDX-License-Identifier: Apache-2.0
// Samples in an .npz or .npy file. Stored (not deflated) arrays stay in the mapped file: only the slices that
// are asked for are read.
#include <algorithm>
#include <memory>

#include "base/file.h"
#include "base/format.h"
#include "base/text.h"
#include "data/labels.h"
#include "data/npy.h"
#include "data/stored_samples.h"
#include "eval/samples.h"

namespace bantam {
namespace {

struct Arrays {
  std::vector<Port> ports;          // of the model
  std::vector<bool> are_pictures;   // u8 arrays that [preprocess] turns into input i
  Preprocess preprocess;
  Samples samples;
  std::vector<Bytes> whole;  // of the inputs, as they lie in the file
  mutable size_t read = 0;   // bytes since they rested
  Tensor target;
  int64_t batch = 1;  // rows of one sample along the first axis

  // The sample's slices. What was read before goes back to the file from time to time, so that memory does not
  // grow with the number of samples. Each may hold two large pages, of which it needs a part.
  std::vector<Tensor> slices(int64_t i) const {
    constexpr size_t kRead = size_t{2} << 20;
    std::vector<Tensor> list = samples.at(i);
    for (const Tensor& t : list) read += t.bytes().size();
    if (read > kRead) {
      for (const Bytes& b : whole) b.rest();
      read = 0;
    }
    return list;
  }
};

std::string names_of(const std::vector<Port>& ports) {
  std::vector<std::string> names;
  for (const Port& p : ports) names.push_back(quote(p.name));
  return join(names, ", ");
}

// Where named arrays come from: an .npz, or an .npy that stands for the only input.
struct Container {
  std::optional<Npz> npz;
  Bytes npy;
  std::string only;  // name of the .npy's input

  std::vector<std::string> names() const { return npz ? npz->names() : std::vector<std::string>{only}; }
  bool has(const std::string& name) const { return npz ? npz->has(name) : name == only; }
  Result<Tensor> get(const std::string& name) const {
    if (!npz) return map_npy(npy);
    TRY(const Bytes member, npz->member(name));
    return within("array " + quote(name), map_npy(member));
  }
};

Result<Container> open_container(const DataFile& file, const std::vector<Port>& ports) {
  Container c;
  TRY(const Bytes bytes, read_file(file.path));
  if (bytes.text().starts_with("PK")) {
    TRY(c.npz, Npz::open(bytes));
    return c;
  }
  if (ports.size() != 1)
    return Error{Code::bad_input, formatted("an .npy file holds one array, the model has {} inputs: put arrays named {} into an .npz file", ports.size(), names_of(ports))};
  c.npy = bytes;
  c.only = ports[0].name;
  return c;
}

bool is_input(const std::vector<Port>& ports, const std::string& name) {
  return std::any_of(ports.begin(), ports.end(), [&](const Port& p) { return p.name == name; });
}

// The ports by which Samples cuts: a free first length is one row at a time, where the array has the rank of
// the input; pictures are cut as they are stored.
Port cutting_port(const Port& port, const Tensor& array, bool is_picture) {
  Port cut = port;
  if (is_picture) cut.shape = array.shape();
  if (cut.shape && !cut.shape->empty() && array.shape().size() == cut.shape->size() && (is_picture || (*cut.shape)[0] < 0))
    (*cut.shape)[0] = 1;
  return cut;
}

Result<void> check_picture_array(const Tensor& array) {
  const Shape& s = array.shape();
  const bool shaped = s.size() == 3 || (s.size() == 4 && (s[3] == 1 || s[3] == 3));
  if (shaped) return check_size(s[2], s[1]);
  return Error{Code::bad_input, formatted("u8 pictures for [preprocess] must be [samples, height, width] or [samples, height, width, 1 or 3]; this array is {}{}",
                                          shape_text(s), s.size() == 4 && (s[1] == 1 || s[1] == 3) ? ": save x.transpose(0, 2, 3, 1)" : "")};
}

Result<void> cut_inputs(Arrays& a, const DataFile& file, const Container& container) {
  std::vector<Tensor> tensors;
  std::vector<Port> cuts;
  for (const Port& port : a.ports) {
    if (!container.has(port.name))
      return Error{Code::bad_input, formatted("there is no array {} for the model's input{}", quote(port.name), suggestion(port.name, container.names()))};
    TRY(const Tensor array, container.get(port.name));
    const bool is_picture = file.preprocess && array.dtype() == BT_U8 && bt_is_float(port.dtype);
    const std::string place = "array " + quote(port.name);
    TRY(within(place, is_picture ? check_picture_array(array) : check_type(array.dtype(), port.dtype)));
    a.are_pictures.push_back(is_picture);
    cuts.push_back(cutting_port(port, array, is_picture));
    a.whole.push_back(array.bytes());
    tensors.push_back(array);
  }
  if (file.preprocess && std::find(a.are_pictures.begin(), a.are_pictures.end(), true) == a.are_pictures.end())
    return Error{Code::usage, "[preprocess] is for pictures (files, or u8 arrays for an input of floats), and there are none"};
  TRY(a.samples, Samples::cut(std::move(tensors), cuts));
  return {};
}

Result<Tensor> input_of(const Arrays& a, const Tensor& slice, size_t k) {
  if (!a.are_pictures[k]) {
    TRY(const Tensor t, as_type(slice, a.ports[k].dtype));
    TRY(check_finite(t));
    return t;
  }
  const Shape& s = slice.shape();  // [1, height, width] or [1, height, width, channels]
  Image image{static_cast<int>(s[2]), static_cast<int>(s[1]), s.size() == 4 ? static_cast<int>(s[3]) : 1, {}};
  image.pixels.assign(slice.bytes().data(), slice.bytes().data() + slice.bytes().size());
  return as_input(image, a.preprocess, a.ports[k]);
}

std::string sample_name(int64_t i) { return formatted("sample {} (counted from 0)", i); }

Result<Tensor> input_at(const Arrays& a, const Tensor& slice, size_t k, int64_t i) {
  return within(sample_name(i) + " of array " + quote(a.ports[k].name), input_of(a, slice, k));
}

Result<std::vector<Tensor>> load(const Arrays& a, int64_t i) {
  std::vector<Tensor> inputs;
  const std::vector<Tensor> slices = a.slices(i);
  for (size_t k = 0; k < slices.size(); ++k) {
    TRY(Tensor t, input_at(a, slices[k], k, i));
    inputs.push_back(std::move(t));
  }
  return inputs;
}

// Converts and checks each array on the way: a NaN, or a number that does not fit, stops the work before any is
// done.
Result<Hash> hash(const Arrays& a, int64_t i) {
  const std::vector<Tensor> slices = a.slices(i);
  std::string text;
  for (size_t k = 0; k < slices.size(); ++k) {
    Tensor t = slices[k];
    if (!a.are_pictures[k]) {
      TRY(t, input_at(a, t, k, i));
    }
    const Hash h = tensor_hash(t);
    text.append(reinterpret_cast<const char*>(h.data()), h.size());
    if (a.are_pictures[k]) text += settings_text(a.preprocess);
  }
  return hash_of(text.data(), text.size());
}

Result<std::vector<int64_t>> find_labels(const DataFile& file, const Container& container, const std::vector<Port>& ports) {
  const std::string name = file.labels.empty() ? "labels" : file.labels;
  if (container.npz && container.has(name) && !(file.labels.empty() && is_input(ports, name))) {
    TRY(const Tensor array, container.get(name));
    TRY(const Tensor wide, bt_is_int(array.dtype()) ? as_type(array, BT_I64) : Result<Tensor>(array));
    return within("array " + quote(name), labels_of_array(wide));
  }
  if (file.labels.empty()) return std::vector<int64_t>();
  const std::string path = path_in(file.folder, file.labels);
  TRY(const Bytes bytes, read_file(path));
  if (!file.labels.ends_with(".npy")) return within(printable(path), labels_of_rows(bytes));
  TRY(const Tensor array, within(printable(path), read_npy(bytes)));
  return within(printable(path), labels_of_array(array));
}

// The array of targets; of type BT_NONE where there is none.
Result<Tensor> find_target(const DataFile& file, const Container& container, const std::vector<Port>& ports) {
  const std::string name = file.target.empty() ? "target" : file.target;
  if (container.npz && container.has(name) && !(file.target.empty() && is_input(ports, name))) return container.get(name);
  if (file.target.empty()) return Tensor(BT_NONE, {0}, Bytes());
  if (!file.target.ends_with(".npy"))
    return Error{Code::bad_input, formatted("target {} is neither an array of the data nor an .npy file{}", quote(file.target), suggestion(file.target, container.names()))};
  const std::string path = path_in(file.folder, file.target);
  TRY(const Bytes bytes, read_file(path));
  return within(printable(path), map_npy(bytes));
}

Result<Tensor> target_of(const Arrays& a, int64_t i) {
  const bool is_entry = a.samples.stacked();
  Shape shape = a.target.shape();
  const int64_t rows = is_entry ? 1 : a.batch;
  const size_t row = shape[0] == 0 ? 0 : a.target.bytes().size() / static_cast<size_t>(shape[0]);
  if (is_entry) shape.erase(shape.begin());
  else shape[0] = rows;
  const Tensor slice(a.target.dtype(), shape, a.target.bytes().part(static_cast<size_t>(i * rows) * row, static_cast<size_t>(rows) * row));
  TRY(const Tensor t, as_type(slice, slice.dtype()));
  TRY(within(sample_name(i) + " of the target", check_finite(t)));
  return t;
}

}  // namespace

Result<StoredSamples> stored_arrays(const DataFile& file, const std::vector<Port>& inputs) {
  TRY(const Container container, open_container(file, inputs));
  auto a = std::make_shared<Arrays>();
  a->ports = inputs;
  if (file.preprocess) a->preprocess = *file.preprocess;
  TRY(cut_inputs(*a, file, container));
  StoredSamples stored;
  stored.count = a->samples.count();
  stored.is_slow = std::find(a->are_pictures.begin(), a->are_pictures.end(), true) != a->are_pictures.end();
  stored.load = [a](int64_t i) { return load(*a, i); };
  stored.hash = [a](int64_t i) { return hash(*a, i); };
  stored.name = sample_name;
  if (stored.count == 0) return stored;
  const Shape first = a->samples.at(0)[0].shape();
  if (!a->samples.stacked() && !first.empty()) a->batch = first[0];
  TRY(stored.labels, find_labels(file, container, inputs));
  const auto labels = static_cast<int64_t>(stored.labels.size());
  if (labels != 0 && labels != stored.count && labels != stored.count * a->batch)
    return Error{Code::bad_input, formatted("there are {} labels for {} samples", labels, stored.count)};
  TRY(a->target, find_target(file, container, inputs));
  if (a->target.dtype() != BT_NONE) {
    const int64_t rows = a->target.rank() == 0 ? -1 : a->target.shape()[0];
    if (rows != stored.count * (a->samples.stacked() ? 1 : a->batch))
      return Error{Code::bad_input, formatted("the target is {}, which is not one row for each of the {} samples", shape_text(a->target.shape()), stored.count)};
    stored.target = [a](int64_t i) { return target_of(*a, i); };
  }
  for (const std::string& name : container.names())
    if (!is_input(inputs, name) && name != "labels" && name != "target" && name != file.labels && name != file.target)
      stored.notes.push_back(formatted("array {} is not used", quote(name)));
  return stored;
}

}  // namespace bantam
