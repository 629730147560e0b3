#pragma once

#include <string>

#include "ui/dialogs/train/train_section.h"

class QComboBox;
class QFormLayout;

namespace bitlathe::ui {

class NumberBox;
class OptionalEpoch;

/// What quantization adds to a training: batch norm by name, and when statistics, ranges and activations freeze or
/// begin.
class QuantizationSection final : public TrainSection {
    Q_OBJECT

public:
    explicit QuantizationSection(QWidget* parent = nullptr);

    void load(const TrainingRequest& request) override;
    void store(TrainingRequest& request) const override;
    QString summary() const override;
    /// The training was made so many times as long: epochs move with it. Emits nothing.
    void stretch(double factor);

private:
    void refreshFoldDelay();

    QFormLayout* m_form = nullptr;
    QComboBox* m_batchNorm = nullptr;
    NumberBox* m_foldDelay = nullptr;
    OptionalEpoch* m_freezeBatchNorm = nullptr;
    OptionalEpoch* m_freezeRanges = nullptr;
    NumberBox* m_activationsFrom = nullptr;
};

}  // namespace bitlathe::ui
