// SPDX-License-Identifier: Apache-2.0
#include "apps/bantam/data_flags.h"

#include <CLI/CLI.hpp>

#include "apps/bantam/checks.h"

namespace bantam {

CLI::Option* add_data_flags(CLI::App& cmd, DataFlags& f, const std::string& what) {
  CLI::Option* data = cmd.add_option("--data", f.data, what + ": .npz, .npy, a folder of pictures, or a .toml that says all (docs/start.md)");
  data->type_name("DATA");
  cmd.add_option("--samples", f.samples, "use that many of them (0: all)")->check(count())->type_name("");
  struct Flag {
    const char *key, *help, *type;
  };
  static constexpr Flag kFlags[] = {{"resize", "the shorter side, or width x height", "256|640x480"},
                                    {"crop", "the centre", "224|640x480"},
                                    {"scale", "factor for the values 0..255", "1/255"},
                                    {"mean", "taken off, per channel", "R,G,B"},
                                    {"std", "divided by, per channel", "R,G,B"},
                                    {"color", "order of the channels", "rgb|bgr|grey"},
                                    {"layout", "channels first or last", "first|last"},
                                    {"interpolation", "how pictures are scaled", "bilinear|bicubic|nearest"}};
  for (const Flag& flag : kFlags)
    cmd.add_option(std::string("--") + flag.key, f.preprocess[flag.key], flag.help)->type_name(flag.type)->group("Pictures of DATA");
  return data;
}

Result<std::optional<Preprocess>> DataFlags::settings(const std::optional<Preprocess>& before) const {
  std::optional<Preprocess> settings = before;
  for (const auto& [key, text] : preprocess) {
    if (text.empty()) continue;
    if (!settings) settings.emplace();
    TRY(within("--" + key, set_preprocess(*settings, key, text)));
  }
  if (settings) TRY(check_settings(*settings));
  return settings;
}

Result<std::unique_ptr<Dataset>> DataFlags::open(const std::vector<Port>& inputs, DataOptions options) const {
  TRY(DataFile file, data_file_of(data));
  TRY(file.preprocess, settings(file.preprocess));
  if (options.samples == 0) options.samples = samples;
  return Dataset::open(file, inputs, options);
}

}  // namespace bantam
