#include "ui/dialogs/export_dialog.h"

#include "core/exporters/exporter.h"
#include "core/graph/prepare.h"
#include "core/types/error.h"
#include "ui/document/layer_title.h"
#include "ui/panels/method_editor.h"
#include "ui/settings/icons.h"

#include <QDialogButtonBox>
#include <QFileDialog>
#include <QFormLayout>
#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QListWidget>
#include <QPushButton>
#include <QVBoxLayout>

namespace bitlathe::ui {

ExportDialog::ExportDialog(std::shared_ptr<const core::PreparedModel> model, const core::QuantConfig& config,
                           const core::Statistics& statistics, const QString& folder, QWidget* parent)
    : QDialog(parent), m_model(std::move(model)) {
    setWindowTitle(tr("Export"));
    setObjectName(QStringLiteral("exportDialog"));
    try {
        // Where methods are applied the values are others, but what a format can hold is the same.
        m_model = std::make_shared<const core::PreparedModel>(core::preparedFor(*m_model, config));
        m_plan = core::resolvePlan(*m_model, config, statistics);
    } catch (const core::Error& error) {
        m_problem = QString::fromUtf8(error.what());
    }
    m_exporter = new MethodEditor(tr("Format"), core::exporterRegistry().list(), this);
    connect(m_exporter, &MethodEditor::specEdited, this, &ExportDialog::refresh);
    m_folder = new QLineEdit(folder, this);
    m_folder->setMinimumWidth(300);
    connect(m_folder, &QLineEdit::textChanged, this, &ExportDialog::refresh);
    auto* const browse = new QPushButton(tr("Choose…"), this);
    connect(browse, &QPushButton::clicked, this, [this] {
        const QString chosen =
            QFileDialog::getExistingDirectory(this, tr("Folder to export to"), m_folder->text());
        if (!chosen.isEmpty()) {
            m_folder->setText(chosen);
        }
    });
    m_summary = new QLabel(this);
    m_summary->setWordWrap(true);
    m_checks = new QListWidget(this);
    m_checks->setAccessibleName(tr("Remarks of the exporter"));
    m_checks->setWordWrap(true);
    m_checks->setMinimumHeight(120);
    m_checks->setSelectionMode(QAbstractItemView::NoSelection);

    auto* const folderRow = new QHBoxLayout;
    folderRow->addWidget(m_folder, 1);
    folderRow->addWidget(browse);
    auto* const form = new QFormLayout;
    form->setSpacing(10);
    form->addRow(tr("&Format"), m_exporter);
    form->addRow(tr("F&older"), folderRow);
    auto* const buttons = new QDialogButtonBox(QDialogButtonBox::Cancel, this);
    m_write = buttons->addButton(tr("Export"), QDialogButtonBox::AcceptRole);
    m_write->setDefault(true);
    connect(buttons, &QDialogButtonBox::accepted, this, &QDialog::accept);
    connect(buttons, &QDialogButtonBox::rejected, this, &QDialog::reject);
    auto* const column = new QVBoxLayout(this);
    column->setContentsMargins(18, 18, 18, 14);
    column->setSpacing(12);
    column->addLayout(form);
    column->addWidget(m_summary);
    column->addWidget(m_checks, 1);
    column->addWidget(buttons);
    resize(560, 420);
    refresh();
}

core::MethodSpec ExportDialog::exporter() const {
    return m_exporter->spec();
}

QString ExportDialog::folder() const {
    return m_folder->text().trimmed();
}

void ExportDialog::refresh() {
    m_checks->clear();
    bool isBlocked = !m_plan || exporter().name.empty();
    QString problem = m_problem;
    if (m_plan && !exporter().name.empty()) {
        try {
            for (const core::ExportCheck& check :
                 core::exporterRegistry().create(exporter())->check(*m_model, *m_plan)) {
                const QString where =
                    check.layer.empty() ? QString() : layerTitle(check.layer) + QStringLiteral(": ");
                m_checks->addItem(new QListWidgetItem(
                    themedIcon(check.isBlocking ? QStringLiteral("warning") : QStringLiteral("info")),
                    where + QString::fromStdString(check.message)));
                isBlocked = isBlocked || check.isBlocking;
            }
        } catch (const core::Error& error) {
            problem = QString::fromUtf8(error.what());
            isBlocked = true;
        }
    }
    m_checks->setVisible(m_checks->count() > 0);
    m_summary->setText(!problem.isEmpty()      ? problem
                       : isBlocked             ? tr("This format cannot take the configuration as it is:")
                       : m_checks->count() > 0 ? tr("The exporter remarks:")
                                               : tr("The exporter takes the configuration as it is."));
    m_write->setEnabled(!isBlocked && !folder().isEmpty());
}

}  // namespace bitlathe::ui
