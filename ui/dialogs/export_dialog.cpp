#include "ui/dialogs/export_dialog.h"

#include "ui/document/layer_title.h"
#include "ui/panels/method_editor.h"
#include "ui/settings/icons.h"

#include <QComboBox>
#include <QDesktopServices>
#include <QDialogButtonBox>
#include <QDir>
#include <QEvent>
#include <QFileDialog>
#include <QFileInfo>
#include <QFormLayout>
#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QListWidget>
#include <QProgressBar>
#include <QPushButton>
#include <QUrl>
#include <QVBoxLayout>

#include <algorithm>

namespace bitlathe::ui {

namespace {

QString iconOf(ExportFinding::Kind kind) {
    switch (kind) {
    case ExportFinding::Kind::Fine:
        return QStringLiteral("evaluate");
    case ExportFinding::Kind::Remark:
        return QStringLiteral("info");
    case ExportFinding::Kind::Blocking:
        break;
    }
    return QStringLiteral("warning");
}

/// Words beside the icon: colour and shape alone carry no meaning.
QString prefixOf(ExportFinding::Kind kind) {
    return kind == ExportFinding::Kind::Fine     ? QString()
           : kind == ExportFinding::Kind::Remark ? ExportDialog::tr("Note: ")
                                                 : ExportDialog::tr("Not possible: ");
}

}  // namespace

ExportDialog::ExportDialog(Workbench& workbench, const QString& folder, QWidget* parent)
    : QDialog(parent), m_workbench(workbench), m_model(workbench.document().model()) {
    setWindowTitle(tr("Export"));
    setObjectName(QStringLiteral("exportDialog"));
    m_exporter = new MethodEditor(tr("Format"), core::exporterRegistry().list(), this);
    m_lastFormat = m_exporter->spec().name;
    m_device = newDeviceChoice();
    m_summary = new QLabel(this);
    m_summary->setWordWrap(true);
    m_summary->setAccessibleName(tr("State of the export"));
    m_lines = new QListWidget(this);
    m_lines->setAccessibleName(tr("Checks, then files"));
    m_lines->setWordWrap(true);
    m_lines->setMinimumHeight(150);
    m_lines->setSelectionMode(QAbstractItemView::NoSelection);
    m_progress = new QProgressBar(this);
    m_progress->setTextVisible(false);
    m_progress->hide();

    auto* const form = new QFormLayout;
    form->setSpacing(10);
    form->addRow(tr("&Format"), m_exporter);
    form->addRow(tr("&Device"), m_device);
    form->addRow(tr("F&older"), newFolderRow(folder));
    qobject_cast<QLabel*>(form->labelForField(m_folder->parentWidget()))->setBuddy(m_folder);
    auto* const buttons = new QDialogButtonBox(QDialogButtonBox::Close, this);
    m_open = buttons->addButton(tr("Open &folder"), QDialogButtonBox::ActionRole);
    m_write = buttons->addButton(tr("Export"), QDialogButtonBox::ActionRole);
    m_write->setDefault(true);
    connect(m_write, &QPushButton::clicked, this, &ExportDialog::startOrStop);
    connect(m_open, &QPushButton::clicked, this,
            [this] { QDesktopServices::openUrl(QUrl::fromLocalFile(m_resultFolder)); });
    connect(buttons, &QDialogButtonBox::rejected, this, &QDialog::reject);
    auto* const column = new QVBoxLayout(this);
    column->setContentsMargins(18, 18, 18, 14);
    column->setSpacing(12);
    column->addLayout(form);
    column->addWidget(m_summary);
    column->addWidget(m_lines, 1);
    column->addWidget(m_progress);
    column->addWidget(buttons);
    resize(640, 520);

    connect(m_exporter, &MethodEditor::specEdited, this, [this] {
        if (m_exporter->spec().name != m_lastFormat) {
            m_lastFormat = m_exporter->spec().name;
            takeProcessor();
        }
        check();
    });
    connect(m_device, &QComboBox::currentIndexChanged, this, [this] {
        takeProcessor();
        check();
    });
    using experiments::JobRunner;
    JobRunner& jobs = workbench.jobs();
    connect(&jobs, &JobRunner::progressChanged, this, &ExportDialog::showProgress);
    connect(&jobs, &JobRunner::exported, this,
            [this](auto job, const auto& files) { showFiles(job, *files); });
    connect(&jobs, &JobRunner::jobFinished, this, &ExportDialog::finish);
    connect(&m_checker, &experiments::LatestWins::failed, this, [this](const QString& text) {
        showFindings({{ExportFinding::Kind::Blocking, text}});
    });
    connect(&workbench.document(), &QuantDocument::modelChanged, this, &QDialog::reject);
    takeProcessor();
    check();
}

ExportDialog::~ExportDialog() = default;

QWidget* ExportDialog::newFolderRow(const QString& folder) {
    auto* const row = new QWidget(this);
    m_folder = new QLineEdit(folder, row);
    m_folder->setMinimumWidth(300);
    m_folder->setAccessibleName(tr("Folder"));
    connect(m_folder, &QLineEdit::textChanged, this, &ExportDialog::check);
    auto* const browse = new QPushButton(tr("Choose…"), row);
    browse->setAutoDefault(false);
    connect(browse, &QPushButton::clicked, this, [this] {
        const QString chosen =
            QFileDialog::getExistingDirectory(this, tr("Folder to export to"), m_folder->text());
        if (!chosen.isEmpty()) {
            m_folder->setText(chosen);
        }
    });
    auto* const layout = new QHBoxLayout(row);
    layout->setContentsMargins({});
    layout->addWidget(m_folder, 1);
    layout->addWidget(browse);
    return row;
}

QComboBox* ExportDialog::newDeviceChoice() {
    auto* const choice = new QComboBox(this);
    choice->setAccessibleName(tr("Device the files are for"));
    choice->addItem(tr("none in particular"));
    const std::optional<core::Device>& own = m_workbench.document().device();
    if (const auto& devices = m_workbench.devices()) {
        for (const core::Device& device : devices->devices()) {
            choice->addItem(QString::fromStdString(device.name), QString::fromStdString(device.id));
        }
    }
    if (own) {
        const QString id = QString::fromStdString(own->id);
        if (choice->findData(id) < 0) {
            choice->addItem(QString::fromStdString(own->name), id);
        }
        choice->setCurrentIndex(choice->findData(id));
    }
    return choice;
}

std::optional<core::Device> ExportDialog::chosenDevice() const {
    const std::string id = m_device->currentData().toString().toStdString();
    const std::optional<core::Device>& own = m_workbench.document().device();
    if (id.empty()) {
        return std::nullopt;
    }
    // The document's own: its allowances may have been edited.
    return own && own->id == id ? own : std::optional(m_workbench.devices()->find(id));
}

/// The exporter's processor follows the device; it can be changed after that.
void ExportDialog::takeProcessor() {
    core::MethodSpec spec = m_exporter->spec();
    const std::optional<core::Device> device = chosenDevice();
    if (!device || spec.name.empty()) {
        return;
    }
    if (const auto processor = processorOf(*device, core::exporterRegistry().info(spec.name))) {
        spec.params["cpu"] = *processor;
        m_exporter->setSpec(spec);
    }
}

void ExportDialog::chooseFormat(const core::MethodSpec& exporter) {
    m_exporter->setSpec(exporter);
    m_lastFormat = exporter.name;
    takeProcessor();
    check();
}

core::MethodSpec ExportDialog::exporter() const {
    return m_exporter->spec();
}

QString ExportDialog::folder() const {
    return m_folder->text().trimmed();
}

void ExportDialog::setFolder(const QString& folder) {
    m_folder->setText(folder);
}

QString ExportDialog::summary() const {
    return m_summary->text();
}

QStringList ExportDialog::lines() const {
    QStringList lines;
    for (int row = 0; row < m_lines->count(); ++row) {
        lines += m_lines->item(row)->text();
    }
    return lines;
}

ExportQuestion ExportDialog::question() const {
    QuantDocument& document = m_workbench.document();
    return {m_model,  document.statistics(), document.config(), chosenDevice(), exporter(),
            folder(), document.learned()};
}

void ExportDialog::check() {
    m_resultFolder.clear();
    m_summary->setText(tr("Checking…"));
    m_findings.clear();
    m_lines->clear();
    refreshButtons();
    m_checker.start([this, question = question()]() -> experiments::LatestWins::Delivery {
        std::vector<ExportFinding> findings = checkExport(question);
        return [this, findings = std::move(findings)] { showFindings(findings); };
    });
}

void ExportDialog::showFindings(std::vector<ExportFinding> findings) {
    m_findings = std::move(findings);
    m_lines->clear();
    for (const ExportFinding& finding : m_findings) {
        auto* const line = new QListWidgetItem(themedIcon(iconOf(finding.kind)),
                                               prefixOf(finding.kind) + finding.text, m_lines);
        line->setToolTip(finding.text);
    }
    m_summary->setText(isBlocked(m_findings) ? tr("This cannot be exported as it is:")
                                             : tr("Ready to export:"));
    refreshButtons();
    Q_EMIT checked();
}

void ExportDialog::refreshButtons() {
    const bool isReady = !m_findings.empty() && !isBlocked(m_findings);
    m_write->setText(isWriting() ? tr("Stop") : tr("Export"));
    m_write->setEnabled(isWriting() || isReady);
    m_open->setEnabled(!m_resultFolder.isEmpty());
    for (QWidget* const input :
         {static_cast<QWidget*>(m_exporter), static_cast<QWidget*>(m_device), m_folder->parentWidget()}) {
        input->setEnabled(!isWriting());
    }
    m_progress->setVisible(isWriting());
}

void ExportDialog::startOrStop() {
    if (isWriting()) {
        m_summary->setText(tr("Stopping…"));
        m_workbench.jobs().cancel(m_job);
        return;
    }
    m_resultFolder.clear();
    m_progress->setRange(0, 0);
    m_summary->setText(tr("Waiting for other jobs…"));
    m_job = m_workbench.exportModel(exporter(), folder());
    refreshButtons();
}

void ExportDialog::showProgress(experiments::JobId job) {
    const experiments::JobInfo* const info = job == m_job ? m_workbench.jobs().find(job) : nullptr;
    const bool isWritten = !m_resultFolder.isEmpty();  // the last progress comes behind the files
    if (info == nullptr || isWritten || info->state != experiments::JobState::Running) {
        return;
    }
    m_progress->setRange(0, static_cast<int>(info->progress.total));
    m_progress->setValue(static_cast<int>(info->progress.done));
    m_summary->setText(tr("Writing…"));
}

void ExportDialog::showFiles(experiments::JobId job, const experiments::ExportedFiles& files) {
    if (job != m_job) {
        return;
    }
    m_findings.clear();
    m_lines->clear();
    qint64 bytes = 0;
    m_resultFolder = QString::fromStdString(files.folder);
    for (const std::string& path : files.files) {
        const QFileInfo file(QString::fromStdString(path));
        bytes += file.size();
        m_resultFolder = file.absolutePath();
        new QListWidgetItem(tr("%1 — %2 B").arg(file.fileName(), groupedNumber(file.size())), m_lines);
    }
    m_summary->setText(tr("Written: %1 files, %2 B, in %3")
                           .arg(files.files.size())
                           .arg(groupedNumber(bytes), QDir::toNativeSeparators(m_resultFolder)));
}

void ExportDialog::finish(experiments::JobId job, const experiments::JobOutcome& outcome) {
    if (job != m_job) {
        return;
    }
    m_job = {};
    using Kind = experiments::JobOutcome::Kind;
    if (outcome.kind == Kind::Succeeded) {
        refreshButtons();
        Q_EMIT written();
        return;
    }
    refreshButtons();
    m_summary->setText(outcome.kind == Kind::Failed
                           ? tr("Not exported: %1").arg(QString::fromStdString(outcome.text))
                           : tr("Stopped; the folder is as it was."));
}

void ExportDialog::changeEvent(QEvent* event) {
    QDialog::changeEvent(event);
    if (event->type() == QEvent::PaletteChange && !m_findings.empty()) {
        showFindings(std::vector<ExportFinding>(m_findings));  // icons in the new colours
    }
}

void ExportDialog::done(int result) {
    if (isWriting()) {
        m_workbench.jobs().cancel(m_job);
        m_job = {};
    }
    QDialog::done(result);
}

}  // namespace bitlathe::ui
