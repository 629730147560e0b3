#pragma once

#include "core/exporters/exporter.h"

#include <string>
#include <string_view>
#include <vector>

namespace bitlathe::core {

/// The model's name as a file name (letters, digits, '-', '_' and '.'), then `extension` ("onnx").
std::string exportFileName(const std::string& modelName, std::string_view extension);

/// Errors  InvalidConfig: the first blocking check, after the format's name ("ONNX export").
void refuseBlocked(std::string_view format, const std::vector<ExportCheck>& checks);

}  // namespace bitlathe::core
