#pragma once

#include <string>

#include "ui/dialogs/train/train_section.h"

class QFormLayout;

namespace bitlathe::ui {

class NumberBox;

/// What the training minimises: label smoothing, and the float model as a teacher.
class LossSection final : public TrainSection {
    Q_OBJECT

public:
    explicit LossSection(QWidget* parent = nullptr);

    void load(const TrainingRequest& request) override;
    void store(TrainingRequest& request) const override;
    QString summary() const override;

private:
    NumberBox* m_smoothing = nullptr;
    NumberBox* m_teacher = nullptr;
    NumberBox* m_temperature = nullptr;
};

}  // namespace bitlathe::ui
