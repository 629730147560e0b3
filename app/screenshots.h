#pragma once

#include <string>

#include "app/application.h"

#include <QObject>
#include <QString>

namespace bitlathe::app {

/// Takes the README's pictures: waits until the opened file is calibrated, runs its recipe, then grabs the
/// window light and dark and quits. Deletes itself with the application.
class Screenshots final : public QObject {
    Q_OBJECT

public:
    Screenshots(Application& application, QString folder);

private:
    void calibrated();
    void takeAll();
    void grab(const QString& name);

    Application& m_application;
    QString m_folder;
};

}  // namespace bitlathe::app
