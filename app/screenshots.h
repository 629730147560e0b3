#pragma once

#include <string>

#include "app/application.h"

#include <QObject>
#include <QString>

#include <functional>

class QWidget;

namespace bitlathe::app {

/// Takes the README's pictures: waits until the opened file is calibrated, runs its recipe, then grabs the
/// window, the Fit dialog and a training in progress, light and dark, and quits. Deletes itself with the
/// application.
class Screenshots final : public QObject {
    Q_OBJECT

public:
    Screenshots(Application& application, QString folder);

private:
    void calibrated();
    void takeAll();
    void takePanels();
    void takeFit();
    void takeIntegers();
    void takeExport();
    void takeTraining();
    static void makeLearned(ui::QuantDocument& document);
    /// Runs the event loop until `isThere`, or exits with an error after a while.
    bool waitFor(const QString& what, const std::function<bool()>& isThere);
    /// In both themes, as NAME_light.png and NAME_dark.png.
    void grab(QWidget& widget, const QString& name);

    Application& m_application;
    QString m_folder;
};

}  // namespace bitlathe::app
