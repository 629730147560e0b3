#pragma once

#include <string>

#include "ui/document/quant_document.h"
#include "ui/document/selection.h"

#include <QWidget>

class QLabel;
class QToolButton;

namespace bitlathe::plots {
class RamTimelinePlot;
class RomBar;
}  // namespace bitlathe::plots

namespace bitlathe::ui {

/// What the active configuration needs of the device's memory: ROM stacked by layer, RAM over the layers with
/// its limit, and the verdict. Follows every edit.
class BudgetPanel final : public QWidget {
    Q_OBJECT

public:
    BudgetPanel(QuantDocument& document, Selection& selection, QWidget* parent = nullptr);

    /// "ROM 104,312 of 524,288 B, ..." as shown.
    QString verdict() const;

Q_SIGNALS:
    void deviceChooserRequested();

private:
    void refresh();

    QuantDocument& m_document;
    Selection& m_selection;
    QToolButton* m_device = nullptr;
    QLabel* m_verdict = nullptr;
};

}  // namespace bitlathe::ui
