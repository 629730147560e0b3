#include "core/exporters/export_file.h"

#include "core/types/error.h"

#include <cctype>

namespace bitlathe::core {

std::string exportFileName(const std::string& modelName, std::string_view extension) {
    std::string name;
    for (const char c : modelName) {
        const bool isPlain =
            std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || c == '.';
        name += isPlain ? c : '_';
    }
    if (name.empty() || name.front() == '.') {
        name.insert(0, "model");
    }
    return name + '.' + std::string(extension);
}

void refuseBlocked(std::string_view format, const std::vector<ExportCheck>& checks) {
    for (const ExportCheck& check : checks) {
        if (check.isBlocking) {
            const std::string where = check.layer.empty() ? "" : "layer '" + check.layer.str() + "': ";
            throw Error(ErrorCode::InvalidConfig, std::string(format) + ": " + where + check.message);
        }
    }
}

}  // namespace bitlathe::core
