#include "ui/document/selection.h"

#include <algorithm>

namespace bitlathe::ui {

bool Selection::contains(const core::LayerId& layer) const {
    return std::find(m_layers.begin(), m_layers.end(), layer) != m_layers.end();
}

void Selection::select(std::vector<core::LayerId> layers, const core::LayerId& current) {
    const bool isMember = std::find(layers.begin(), layers.end(), current) != layers.end();
    const core::LayerId chosen = isMember ? current : layers.empty() ? core::LayerId() : layers.front();
    const bool areOthers = layers != m_layers;
    const bool isOther = chosen != m_current;
    m_layers = std::move(layers);
    m_current = chosen;
    if (areOthers) {
        Q_EMIT layersChanged();
    }
    if (isOther) {
        Q_EMIT currentChanged();
    }
}

void Selection::setSite(core::SiteKind site) {
    if (site != m_site) {
        m_site = site;
        Q_EMIT siteChanged();
    }
}

void Selection::setHovered(const core::LayerId& layer) {
    if (layer != m_hovered) {
        m_hovered = layer;
        Q_EMIT hoveredChanged();
    }
}

}  // namespace bitlathe::ui
