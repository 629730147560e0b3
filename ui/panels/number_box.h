#pragma once

#include <QDoubleSpinBox>

namespace bitlathe::ui {

/// A spin box that shows as many digits as its value needs (0.01, 99.99, 1e-06) and ignores the wheel until
/// it has the focus, so that scrolling changes nothing.
class NumberBox final : public QDoubleSpinBox {
    Q_OBJECT

public:
    explicit NumberBox(QWidget* parent = nullptr);
    NumberBox(double least, double most, double value, QWidget* parent = nullptr);

    QString textFromValue(double value) const override;
    double valueFromText(const QString& text) const override;
    QValidator::State validate(QString& text, int& position) const override;

protected:
    void wheelEvent(QWheelEvent* event) override;

private:
    QString bare(const QString& text) const;
};

}  // namespace bitlathe::ui
