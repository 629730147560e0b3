#include "ui/panels/method_editor.h"

#include "ui/panels/number_box.h"
#include "ui/panels/panel_parts.h"

#include <QCheckBox>
#include <QComboBox>
#include <QFormLayout>
#include <QLabel>
#include <QSignalBlocker>
#include <QSpinBox>
#include <QVBoxLayout>

#include <algorithm>
#include <cmath>

namespace bitlathe::ui {

namespace {

QString titleOf(const core::ParamSpec& param) {
    QString title = QString::fromStdString(param.name).replace(QLatin1Char('_'), QLatin1Char(' '));
    title.front() = title.front().toUpper();
    return param.name == "cpu" ? QStringLiteral("CPU") : title;
}

}  // namespace

MethodEditor::MethodEditor(const QString& name, std::vector<core::MethodInfo> methods, QWidget* parent)
    : QWidget(parent), m_methods(std::move(methods)) {
    m_choice = new QComboBox(this);
    m_choice->setAccessibleName(name);
    m_choice->setFocusPolicy(Qt::StrongFocus);
    for (const core::MethodInfo& method : m_methods) {
        m_choice->addItem(QString::fromStdString(method.title), QString::fromStdString(method.name));
        m_choice->setItemData(m_choice->count() - 1, QString::fromStdString(method.source), Qt::ToolTipRole);
    }
    m_choice->setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    m_choice->setMinimumContentsLength(10);
    m_choice->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
    connect(m_choice, &QComboBox::activated, this, [this](int index) {
        m_spec = {m_methods[static_cast<std::size_t>(index)].name, {}};
        m_editedParam.clear();
        ++m_series;
        rebuildParams();
        Q_EMIT specEdited(m_spec, m_series);
    });
    m_params = new QWidget(this);
    m_form = new QFormLayout(m_params);
    m_form->setContentsMargins(10, 4, 0, 0);
    m_form->setSpacing(4);
    auto* const column = new QVBoxLayout(this);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    column->addWidget(m_choice);
    column->addWidget(m_params);
    if (!m_methods.empty()) {
        m_spec.name = m_methods.front().name;
    }
    rebuildParams();
}

const core::MethodInfo* MethodEditor::current() const {
    const auto found = std::find_if(m_methods.begin(), m_methods.end(), [&](const core::MethodInfo& method) {
        return method.name == m_spec.name;
    });
    return found == m_methods.end() ? nullptr : &*found;
}

core::MethodSpec MethodEditor::spec() const {
    return m_spec;
}

void MethodEditor::setSpec(const core::MethodSpec& spec) {
    const bool isOther = spec.name != m_spec.name;
    m_spec = spec;
    m_choice->setCurrentIndex(m_choice->findData(QString::fromStdString(spec.name)));
    if (const core::MethodInfo* const method = current()) {
        m_choice->setToolTip(QString::fromStdString(method->source));
    }
    if (isOther) {
        m_editedParam.clear();
        rebuildParams();
        return;
    }
    // The same method: values are put into the editors that are there, so the one being used keeps the focus.
    const core::MethodInfo* const method = current();
    for (std::size_t row = 0; method != nullptr && row < method->params.size(); ++row) {
        const core::ParamSpec& param = method->params[row];
        const auto given = m_spec.params.find(param.name);
        const double value = given == m_spec.params.end() ? param.defaultValue : given->second;
        QWidget* const editor = m_form->itemAt(static_cast<int>(row), QFormLayout::FieldRole)->widget();
        const QSignalBlocker blocker(editor);
        if (auto* const number = qobject_cast<QDoubleSpinBox*>(editor)) {
            number->setValue(value);
        } else if (auto* const whole = qobject_cast<QSpinBox*>(editor)) {
            whole->setValue(static_cast<int>(value));
        } else if (auto* const check = qobject_cast<QCheckBox*>(editor)) {
            check->setChecked(value != 0);
        } else if (auto* const combo = qobject_cast<QComboBox*>(editor)) {
            combo->setCurrentIndex(static_cast<int>(value));
        }
    }
}

void MethodEditor::rebuildParams() {
    while (m_form->rowCount() > 0) {
        m_form->removeRow(0);
    }
    const core::MethodInfo* const method = current();
    m_params->setVisible(method != nullptr && !method->params.empty());
    if (method == nullptr) {
        return;
    }
    QWidget* before = m_choice;
    for (const core::ParamSpec& param : method->params) {
        QWidget* const editor = makeEditor(param);
        setTabOrder(before, editor);  // made long after what stands below it
        before = editor;
        editor->setToolTip(QString::fromStdString(param.description));
        editor->setAccessibleName(titleOf(param));
        auto* const label = new QLabel(titleOf(param), m_params);
        label->setProperty("role", QStringLiteral("muted"));
        label->setToolTip(editor->toolTip());
        label->setBuddy(editor);
        m_form->addRow(label, editor);
    }
}

QWidget* MethodEditor::makeEditor(const core::ParamSpec& param) {
    const auto given = m_spec.params.find(param.name);
    const double value = given == m_spec.params.end() ? param.defaultValue : given->second;
    const auto edit = [this, name = param.name](double edited) { editParam(name, edited); };
    switch (param.kind) {
    case core::ParamSpec::Kind::Switch: {
        auto* const check = new QCheckBox(m_params);
        check->setChecked(value != 0);
        connect(check, &QCheckBox::toggled, this, [edit](bool isOn) { edit(isOn ? 1 : 0); });
        return check;
    }
    case core::ParamSpec::Kind::Choice: {
        auto* const combo = new QComboBox(m_params);
        keepNarrow(*combo);
        combo->setFocusPolicy(Qt::StrongFocus);
        for (const std::string& choice : param.choices) {
            combo->addItem(QString::fromStdString(choice).replace(QLatin1Char('_'), QLatin1Char(' ')));
        }
        combo->setCurrentIndex(static_cast<int>(value));
        connect(combo, &QComboBox::activated, this, edit);
        return combo;
    }
    case core::ParamSpec::Kind::Integer: {
        auto* const number = new QSpinBox(m_params);
        number->setRange(static_cast<int>(param.minimum), static_cast<int>(param.maximum));
        number->setValue(static_cast<int>(value));
        number->setFocusPolicy(Qt::StrongFocus);
        connect(number, &QSpinBox::valueChanged, this, edit);
        return number;
    }
    case core::ParamSpec::Kind::Real:
        break;
    }
    auto* const number = new NumberBox(param.minimum, param.maximum, value, m_params);
    number->setKeyboardTracking(false);
    connect(number, &QDoubleSpinBox::valueChanged, this, edit);
    return number;
}

void MethodEditor::editParam(const std::string& name, double value) {
    if (name != m_editedParam) {
        m_editedParam = name;
        ++m_series;
    }
    m_spec.params[name] = value;
    Q_EMIT specEdited(m_spec, m_series);
}

}  // namespace bitlathe::ui
