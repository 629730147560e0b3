#pragma once

#include <string>

#include "experiments/recipes/integer_comparison.h"

#include <QDialog>
#include <QStringList>

class QLabel;
class QTableView;

namespace bitlathe::ui {

/// What a run's integer model came to: accuracy of float, fake-quantized and integer model with intervals, and layer by
/// layer the codes that differ with the reason. Stays beside the window.
class IntegerReportDialog final : public QDialog {
    Q_OBJECT

public:
    IntegerReportDialog(const experiments::IntegerComparison& comparison, const std::string& runName,
                        QWidget* parent = nullptr);

    QTableView* table() const noexcept { return m_table; }
    /// Accuracies, one line each.
    QString accuracies() const;
    /// "26 of 104,312,000 codes differ, each by float32 rounding."
    QString verdict() const;
    /// Everything, as tab-separated text.
    QString asText() const;

private:
    QStringList m_accuracies;  ///< lines of tab-separated cells
    QLabel* m_verdict = nullptr;
    QTableView* m_table = nullptr;
};

}  // namespace bitlathe::ui
