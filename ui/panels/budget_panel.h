#pragma once

#include <string>

#include "ui/document/quant_document.h"
#include "ui/document/selection.h"

#include <QWidget>

class QLabel;
class QToolButton;

namespace bitlathe::plots {
class LayerPlot;
class RamTimelinePlot;
class RomBar;
}  // namespace bitlathe::plots

namespace bitlathe::ui {

class CodingCosts;

/// What the active configuration needs of the device's memory: ROM stacked by layer, RAM over the layers with
/// its limit, and the verdict. Follows every edit; a click on a bar selects its layer.
class BudgetPanel final : public QWidget {
    Q_OBJECT

public:
    BudgetPanel(QuantDocument& document, Selection& selection, QWidget* parent = nullptr);

    /// Whose totals stand below the bars; must outlive the panel.
    void setCodingCosts(const CodingCosts* costs);
    plots::RomBar* romBar() const noexcept { return m_rom; }
    /// "Fits: 286,606 B of ROM and 106,496 B of RAM to spare" or what is over and where.
    QString verdict() const;

Q_SIGNALS:
    /// The device button was pressed: show the list there.
    void deviceChooserRequested(const QPoint& globalPosition);

private:
    void refresh();
    void refreshSelection();
    void refreshCoding();
    void clickLayer(const core::LayerId& layer, Qt::KeyboardModifiers modifiers);

    QuantDocument& m_document;
    Selection& m_selection;
    QToolButton* m_device = nullptr;
    QLabel* m_deviceDetail = nullptr;
    QLabel* m_verdict = nullptr;
    QLabel* m_coding = nullptr;
    const CodingCosts* m_codingCosts = nullptr;
    plots::RomBar* m_rom = nullptr;
    plots::RamTimelinePlot* m_ram = nullptr;
};

}  // namespace bitlathe::ui
