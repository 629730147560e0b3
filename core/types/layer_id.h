#pragma once

#include <compare>
#include <functional>
#include <string>
#include <utility>

namespace bitlathe::core {

/// Stable name of a layer: its module path in the model ("blocks.3.pointwise.conv"). Configurations, the log and
/// undo commands refer to layers by it, never by row or pointer.
class LayerId {
public:
    LayerId() = default;
    explicit LayerId(std::string path) : m_path(std::move(path)) {}
    const std::string& str() const noexcept { return m_path; }
    bool empty() const noexcept { return m_path.empty(); }
    auto operator<=>(const LayerId&) const = default;

private:
    std::string m_path;
};

/// Which tensor of a layer a quantizer sits on. The graph input is the output of the layer named kInputLayer.
enum class SiteKind { Weight, Output };

/// One quantizable tensor.
struct SiteId {
    LayerId layer;
    SiteKind kind = SiteKind::Output;
    auto operator<=>(const SiteId&) const = default;
};

/// LayerId of the graph input: its output site is the input quantizer.
inline const LayerId kInputLayer{"input"};

}  // namespace bitlathe::core

template <>
struct std::hash<bitlathe::core::LayerId> {
    std::size_t operator()(const bitlathe::core::LayerId& id) const noexcept {
        return std::hash<std::string>{}(id.str());
    }
};
