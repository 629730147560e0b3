#pragma once

#include <string>

#include "core/types/layer_id.h"

#include <QObject>

#include <vector>

namespace bitlathe::ui {

/// What is selected, shared by every panel: layers in execution order, the current one among them, the site
/// the inspector shows, and the layer under the mouse. Refers to layers by name, so it survives edits and
/// reloads.
class Selection final : public QObject {
    Q_OBJECT

public:
    using QObject::QObject;

    const std::vector<core::LayerId>& layers() const noexcept { return m_layers; }
    const core::LayerId& current() const noexcept { return m_current; }
    core::SiteKind site() const noexcept { return m_site; }
    const core::LayerId& hovered() const noexcept { return m_hovered; }
    bool contains(const core::LayerId& layer) const;

    /// Selects exactly these; `current` is one of them, or empty for the first.
    void select(std::vector<core::LayerId> layers, const core::LayerId& current = {});
    void selectOnly(const core::LayerId& layer) { select({layer}, layer); }
    void clear() { select({}); }
    void setSite(core::SiteKind site);
    void setHovered(const core::LayerId& layer);

Q_SIGNALS:
    void layersChanged();
    void currentChanged();
    void siteChanged();
    void hoveredChanged();

private:
    std::vector<core::LayerId> m_layers;
    core::LayerId m_current;
    core::SiteKind m_site = core::SiteKind::Output;
    core::LayerId m_hovered;
};

}  // namespace bitlathe::ui
