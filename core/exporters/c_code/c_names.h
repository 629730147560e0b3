#pragma once

#include <set>
#include <string>

namespace bitlathe::core {

/// Distinct C identifiers from names of models and layers.
class CNames {
public:
    /// "blocks.0.dw" -> "blocks_0_dw"; a number behind it where that is taken or a word of C.
    std::string unique(const std::string& name);

private:
    std::set<std::string> m_taken;
};

}  // namespace bitlathe::core
