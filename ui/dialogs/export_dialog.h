#pragma once

#include <string>

#include "core/graph/layer.h"
#include "core/plan/quant_plan.h"

#include <QDialog>

#include <memory>
#include <optional>

class QLabel;
class QLineEdit;
class QListWidget;
class QPushButton;

namespace bitlathe::ui {

class MethodEditor;

/// Chooses a format, its parameters and a folder, and shows beforehand what the exporter would remark or
/// refuse.
class ExportDialog final : public QDialog {
    Q_OBJECT

public:
    ExportDialog(std::shared_ptr<const core::PreparedModel> model, const core::QuantConfig& config,
                 const core::Statistics& statistics, const QString& folder, QWidget* parent = nullptr);

    core::MethodSpec exporter() const;
    QString folder() const;

private:
    void refresh();

    std::shared_ptr<const core::PreparedModel> m_model;
    std::optional<core::QuantPlan> m_plan;
    QString m_problem;  ///< why there is no plan
    MethodEditor* m_exporter = nullptr;
    QLineEdit* m_folder = nullptr;
    QListWidget* m_checks = nullptr;
    QLabel* m_summary = nullptr;
    QPushButton* m_write = nullptr;
};

}  // namespace bitlathe::ui
