#include "ui/panels/number_box.h"

#include <QWheelEvent>

namespace bitlathe::ui {

namespace {

/// What is kept of a value: more than any parameter needs, so that none is changed by being shown.
constexpr int kDecimals = 12;

}  // namespace

NumberBox::NumberBox(QWidget* parent) : QDoubleSpinBox(parent) {
    setDecimals(kDecimals);
    setStepType(AdaptiveDecimalStepType);
    setFocusPolicy(Qt::StrongFocus);
}

NumberBox::NumberBox(double least, double most, double value, QWidget* parent) : NumberBox(parent) {
    setRange(least, most);
    setValue(value);
}

QString NumberBox::textFromValue(double value) const {
    return QString::number(value, 'g', 7);
}

QString NumberBox::bare(const QString& text) const {
    QString number = text;
    if (!suffix().isEmpty() && number.endsWith(suffix())) {
        number.chop(suffix().size());
    }
    return number.trimmed();
}

double NumberBox::valueFromText(const QString& text) const {
    return bare(text).toDouble();
}

QValidator::State NumberBox::validate(QString& text, int& position) const {
    if (!specialValueText().isEmpty() && text == specialValueText()) {
        return QValidator::Acceptable;
    }
    QDoubleValidator validator(minimum(), maximum(), kDecimals);
    validator.setLocale(QLocale::c());
    QString number = bare(text);
    return validator.validate(number, position);
}

void NumberBox::wheelEvent(QWheelEvent* event) {
    if (hasFocus()) {
        QDoubleSpinBox::wheelEvent(event);
    } else {
        event->ignore();
    }
}

}  // namespace bitlathe::ui
