#pragma once

#include <string>

#include "ui/document/training_request.h"

#include <QWidget>

class QFormLayout;

namespace bitlathe::ui {

/// One folded part of the train dialog: some options of a training and their editors.
class TrainSection : public QWidget {
    Q_OBJECT

public:
    using QWidget::QWidget;

    /// Shows the options of the request's kind; emits nothing.
    virtual void load(const TrainingRequest& request) = 0;
    /// Writes what is shown into the request.
    virtual void store(TrainingRequest& request) const = 0;
    /// What it holds in a few words, for when it is folded.
    virtual QString summary() const = 0;

Q_SIGNALS:
    void edited();

protected:
    /// An empty form with the dialog's spacing.
    static QFormLayout* newForm();
};

}  // namespace bitlathe::ui
