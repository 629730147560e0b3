#pragma once

#include <string>

#include "ui/document/quant_document.h"
#include "ui/document/selection.h"

#include <QWidget>

class QComboBox;
class QLabel;

namespace bitlathe::plots {
class ChannelRangePlot;
}

namespace bitlathe::ui {

/// The range of every channel of the current layer's weights or output, against what the codes can represent:
/// shows at a glance whether one scale for all would waste the small channels.
class ChannelsPage final : public QWidget {
    Q_OBJECT

public:
    ChannelsPage(QuantDocument& document, Selection& selection, QWidget* parent = nullptr);

private:
    void refresh();

    QuantDocument& m_document;
    Selection& m_selection;
    QComboBox* m_site = nullptr;
    QComboBox* m_order = nullptr;
    plots::ChannelRangePlot* m_plot = nullptr;
    QLabel* m_spread = nullptr;
};

}  // namespace bitlathe::ui
