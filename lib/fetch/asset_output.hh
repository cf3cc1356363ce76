// Where a program says, one line each, what it did with which asset.
#pragma once

#include <functional>
#include <string>

namespace qt {

struct AssetOutput {
  enum class Form {
    text,
    json, // one object a line
  };
  std::function<void(const std::string& line)> print;
  Form form = Form::text;
};

} // namespace qt
