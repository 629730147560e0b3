#include "ui/dialogs/train/loss_section.h"

#include "ui/panels/number_box.h"

#include <QFormLayout>
#include <QSignalBlocker>

namespace bitlathe::ui {

LossSection::LossSection(QWidget* parent) : TrainSection(parent) {
    m_smoothing = new NumberBox(0, 0.999, 0, this);
    m_smoothing->setSpecialValueText(tr("off"));
    m_smoothing->setToolTip(tr("Share of the target spread over the other classes"));
    m_teacher = new NumberBox(0, 1, 0, this);
    m_teacher->setSpecialValueText(tr("off"));
    m_teacher->setToolTip(tr("Share of the loss that asks for the float model's answers instead of the "
                             "labels (Hinton et al. 2015); costs "
                             "a float pass a step"));
    m_temperature = new NumberBox(1e-3, 1e3, 4, this);
    m_temperature->setToolTip(tr("Softens both distributions"));
    QFormLayout* const form = newForm();
    form->addRow(tr("Label s&moothing"), m_smoothing);
    form->addRow(tr("&Distill from the float model"), m_teacher);
    form->addRow(tr("&Temperature"), m_temperature);
    setLayout(form);
    for (NumberBox* const box : {m_smoothing, m_teacher, m_temperature}) {
        connect(box, &QDoubleSpinBox::valueChanged, this, &LossSection::edited);
    }
    connect(m_teacher, &QDoubleSpinBox::valueChanged, this,
            [this](double weight) { m_temperature->setEnabled(weight > 0); });
}

void LossSection::load(const TrainingRequest& request) {
    const QSignalBlocker blocker(this);
    const core::TrainOptions& options = request.options();
    m_smoothing->setValue(options.labelSmoothing);
    m_teacher->setValue(options.distillation.weight);
    m_temperature->setValue(options.distillation.temperature);
    m_temperature->setEnabled(options.distillation.weight > 0);
}

void LossSection::store(TrainingRequest& request) const {
    core::TrainOptions& options = request.options();
    options.labelSmoothing = m_smoothing->value();
    options.distillation = {m_teacher->value(), m_temperature->value()};
}

QString LossSection::summary() const {
    QStringList parts{tr("cross entropy")};
    if (m_smoothing->value() > 0) {
        parts += tr("labels smoothed by %1").arg(m_smoothing->text());
    }
    if (m_teacher->value() > 0) {
        parts += tr("distilled, %1").arg(m_teacher->text());
    }
    return parts.join(QStringLiteral(" · "));
}

}  // namespace bitlathe::ui
