#pragma once

#include <string>

#include "ui/dialogs/train/train_section.h"

class QComboBox;
class QFormLayout;
class QLineEdit;
class QSpinBox;

namespace bitlathe::ui {

class NumberBox;

/// How the training is carried out: arithmetic, device, which weights are kept and where, checkpoints, workers.
class ExecutionSection final : public TrainSection {
    Q_OBJECT

public:
    explicit ExecutionSection(QWidget* parent = nullptr);

    void load(const TrainingRequest& request) override;
    void store(TrainingRequest& request) const override;
    QString summary() const override;

private:
    /// Of the box's lowest value: what no number means depends on which weights are kept.
    void sayWhatIsHeldOut();

    QFormLayout* m_form = nullptr;
    QComboBox* m_precision = nullptr;
    QComboBox* m_device = nullptr;
    QComboBox* m_keep = nullptr;
    QSpinBox* m_samples = nullptr;
    QSpinBox* m_validation = nullptr;
    NumberBox* m_checkpoints = nullptr;
    QSpinBox* m_workers = nullptr;
    QWidget* m_outputRow = nullptr;
    QLineEdit* m_output = nullptr;
};

}  // namespace bitlathe::ui
