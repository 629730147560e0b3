#include "ui/dialogs/train/train_section.h"

#include <QFormLayout>

namespace bitlathe::ui {

QFormLayout* TrainSection::newForm() {
    auto* const form = new QFormLayout;
    form->setSpacing(8);
    form->setContentsMargins(20, 0, 0, 6);
    form->setFieldGrowthPolicy(QFormLayout::AllNonFixedFieldsGrow);
    return form;
}

}  // namespace bitlathe::ui
