#include "ui/dialogs/data_dialog.h"

#include <QComboBox>
#include <QDialogButtonBox>
#include <QFileDialog>
#include <QFormLayout>
#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QSpinBox>
#include <QVBoxLayout>

namespace bitlathe::ui {

QString datasetTitle(const QString& name) {
    if (name == QLatin1String("fashion_mnist")) {
        return QStringLiteral("Fashion-MNIST");
    }
    QString title = name;
    return title.replace(QLatin1Char('_'), QLatin1Char(' '));
}

DataDialog::DataDialog(const core::DataSpec& data, const experiments::CalibrateStage& calibration,
                       QWidget* parent)
    : QDialog(parent), m_data(data), m_calibration(calibration) {
    setWindowTitle(tr("Data"));
    setObjectName(QStringLiteral("dataDialog"));
    m_dataset = new QComboBox(this);
    for (const std::string& name : core::datasetNames()) {
        m_dataset->addItem(datasetTitle(QString::fromStdString(name)), QString::fromStdString(name));
    }
    m_dataset->setCurrentIndex(m_dataset->findData(QString::fromStdString(data.dataset)));
    m_root = new QLineEdit(QString::fromStdString(data.root), this);
    m_root->setPlaceholderText(tr("where the system package puts it"));
    m_root->setMinimumWidth(280);
    auto* const browse = new QPushButton(tr("Choose…"), this);
    connect(browse, &QPushButton::clicked, this, [this] {
        const QString folder =
            QFileDialog::getExistingDirectory(this, tr("Folder of the data set"), m_root->text());
        if (!folder.isEmpty()) {
            m_root->setText(folder);
        }
    });
    m_pad = new QSpinBox(this);
    m_pad->setRange(0, 64);
    m_pad->setValue(data.pad);
    m_pad->setSuffix(tr(" px on each side"));
    m_split = new QComboBox(this);
    m_split->addItem(tr("training images"), static_cast<int>(core::DataSplit::Train));
    m_split->addItem(tr("test images"), static_cast<int>(core::DataSplit::Test));
    m_split->setCurrentIndex(m_split->findData(static_cast<int>(calibration.split)));
    m_samples = new QSpinBox(this);
    m_samples->setRange(1, 1'000'000);
    m_samples->setValue(static_cast<int>(calibration.samples));
    m_samples->setSuffix(tr(" images"));
    m_samples->setGroupSeparatorShown(true);

    auto* const folder = new QHBoxLayout;
    folder->addWidget(m_root, 1);
    folder->addWidget(browse);
    auto* const form = new QFormLayout;
    form->setSpacing(10);
    form->setLabelAlignment(Qt::AlignLeft);
    form->addRow(tr("&Data set"), m_dataset);
    form->addRow(tr("&Folder"), folder);
    qobject_cast<QLabel*>(form->labelForField(folder))->setBuddy(m_root);
    form->addRow(tr("&Padding"), m_pad);
    form->addRow(tr("Calibrate &on"), m_split);
    form->addRow(tr("Cali&brate with"), m_samples);
    auto* const note = new QLabel(tr("Other data means other ranges: the model is calibrated again."), this);
    note->setProperty("role", QStringLiteral("caption"));
    auto* const buttons = new QDialogButtonBox(QDialogButtonBox::Ok | QDialogButtonBox::Cancel, this);
    connect(buttons, &QDialogButtonBox::accepted, this, &QDialog::accept);
    connect(buttons, &QDialogButtonBox::rejected, this, &QDialog::reject);
    auto* const column = new QVBoxLayout(this);
    column->setContentsMargins(18, 18, 18, 14);
    column->setSpacing(14);
    column->addLayout(form);
    column->addWidget(note);
    column->addWidget(buttons);
}

core::DataSpec DataDialog::data() const {
    core::DataSpec data = m_data;
    data.dataset = m_dataset->currentData().toString().toStdString();
    data.root = m_root->text().trimmed().toStdString();
    data.pad = m_pad->value();
    return data;
}

experiments::CalibrateStage DataDialog::calibration() const {
    experiments::CalibrateStage calibration = m_calibration;
    calibration.split = static_cast<core::DataSplit>(m_split->currentData().toInt());
    calibration.samples = m_samples->value();
    return calibration;
}

}  // namespace bitlathe::ui
