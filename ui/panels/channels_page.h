#pragma once

#include <string>

#include "ui/document/quant_document.h"
#include "ui/document/selection.h"

#include <QWidget>

class QComboBox;
class QLabel;

namespace bitlathe::plots {
class ChannelBitsPlot;
class ChannelRangePlot;
}  // namespace bitlathe::plots

namespace bitlathe::ui {

/// The range of every channel of the current layer's weights or output, against what the codes can represent,
/// and how many of the grid's bits each channel uses: shows at a glance whether one scale for all would waste the
/// small channels.
class ChannelsPage final : public QWidget {
    Q_OBJECT

public:
    ChannelsPage(QuantDocument& document, Selection& selection, QWidget* parent = nullptr);

    plots::ChannelRangePlot* ranges() const noexcept { return m_plot; }
    plots::ChannelBitsPlot* bits() const noexcept { return m_bits; }

private:
    void refresh();
    void refreshBits(const std::vector<core::Range>& observed, const std::optional<core::QParams>& qparams);

    QuantDocument& m_document;
    Selection& m_selection;
    QComboBox* m_site = nullptr;
    QComboBox* m_order = nullptr;
    plots::ChannelRangePlot* m_plot = nullptr;
    plots::ChannelBitsPlot* m_bits = nullptr;
    QLabel* m_spread = nullptr;
};

}  // namespace bitlathe::ui
