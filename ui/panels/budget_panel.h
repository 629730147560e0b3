#pragma once

#include <string>

#include "ui/document/memory_figures.h"
#include "ui/document/quant_document.h"
#include "ui/document/selection.h"

#include <QWidget>

class QBoxLayout;
class QComboBox;
class QLabel;
class QScrollArea;
class QToolButton;

namespace bitlathe::plots {
class LayerPlot;
class RamTimelinePlot;
class RomBar;
class TensorTimelinePlot;
}  // namespace bitlathe::plots

namespace bitlathe::ui {

class CodingCosts;

/// What the active configuration needs of the device's memory: ROM stacked by layer and split by what it holds, RAM over
/// the layers or tensor by tensor with its limit, the sum that makes the peak, and the verdict, by the formulas or as the
/// exported C program has it. Follows every edit; a click on a bar selects its layer.
class BudgetPanel final : public QWidget {
    Q_OBJECT

public:
    BudgetPanel(QuantDocument& document, Selection& selection, QWidget* parent = nullptr);

    /// Whose totals stand below the bars; must outlive the panel.
    void setCodingCosts(const CodingCosts* costs);
    plots::RomBar* romBar() const noexcept { return m_rom; }
    plots::RamTimelinePlot* ramPlot() const noexcept { return m_ram; }
    plots::TensorTimelinePlot* tensorPlot() const noexcept { return m_tensors; }
    const MemoryFigures& figures() const noexcept { return *m_figures; }
    void choose(MemoryView view);
    MemoryView view() const;
    /// What the ROM holds: by the formulas, and as exported in C or why not.
    QString romText() const;
    /// The peak layer and its sum.
    QString peak() const;
    /// "Fits: 286,606 B of ROM and 106,496 B of RAM to spare" or what is over and where.
    QString verdict() const;

Q_SIGNALS:
    /// The device button was pressed: show the list there.
    void deviceChooserRequested(const QPoint& globalPosition);

protected:
    void resizeEvent(QResizeEvent* event) override;

private:
    /// Bytes against the device's limits.
    struct Figures {
        std::int64_t romBytes = 0;
        std::int64_t ramBytes = 0;
        QString peakLayer;
        QString peakText;
    };

    void buildPlots();
    void refresh();
    void refreshRomTexts();
    Figures showFormulas(MemoryView view);
    Figures showExported(const core::CBudget& budget);
    void showSpans(const std::vector<core::ArenaBuffer>& buffers, const core::ArenaPlan& plan,
                   const QString& caption);
    void showVerdict(const Figures& figures);
    static void setWords(QLabel& label, const QString& text);
    QLabel* newCaptionLine(const QString& accessibleName);
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
    plots::TensorTimelinePlot* m_tensors = nullptr;
    MemoryFigures* m_figures = nullptr;
    QComboBox* m_view = nullptr;
    QLabel* m_formulaRom = nullptr;
    QLabel* m_exportedRom = nullptr;
    QLabel* m_peak = nullptr;
    QBoxLayout* m_body = nullptr;
    QScrollArea* m_words = nullptr;
};

}  // namespace bitlathe::ui
