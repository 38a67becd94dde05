"""The rules that the tests share."""

from __future__ import annotations

SHOP = """\
# The shop's rules.
version: 1

variables:
  shop.site: https://shop.example
  greeting:
    ar: أهلا
    en: Hello

rules:
  # where is it
  - id: track
    examples:
      ar:
        - وين طلبي
        - متى توصل الشحنة
        - اريد تتبع الطلب
        - طلبيتي تأخرت وين وصلت
      en:
        - where is my order  # the classic
        - track my parcel
        - has my package shipped yet
        - when will my order arrive
      arabizi:
        - wain 6alabi
    replies:
      ar:
        - text: '{{greeting}} {{contact.name | default("عميلنا")}}، تابع طلبك: {{shop.site}}'
      en:
        - text: '{{greeting}} {{contact.name | default("there")}}, track it at {{shop.site}}'
          weight: 3
        - text: 'See {{shop.site}}, {{contact.name | default("dear customer")}}'

  - id: hours
    threshold: {en: 0.5, ar: 0.5}
    examples:
      ar: [متى تفتحون, كم ساعات الدوام, هل انتم مفتوحين اليوم, وش اوقات العمل]
      en: [when do you open, what are your opening hours, are you open today, what time do you close]
    negatives:
      en: [when do you open new branches]
    replies:
      ar: [{text: من 9 إلى 5}]
      en: [{text: From 9 to 5}]

  - id: refund
    examples:
      ar: [ابغى ارجع المنتج, استرجاع المبلغ, كيف ارجع الطلب]
      en: [I want a refund, how do I return this, give me my money back, return policy]
    replies:
      en: [{text: Within 14 days, buttons: [{id: human, title: Talk to us}]}]

  - id: human
    action: handoff
    examples:
      ar: [اريد التحدث مع موظف]
      en: [talk to a human, let me speak to an agent]
    keywords:
      en: [human agent]
    replies:
      ar: [{text: لحظة من فضلك}]
      en: [{text: One moment please}]

  - id: stop
    action: opt_out
    examples: {en: [unsubscribe me], ar: [الغاء الاشتراك]}
    keywords: {en: [unsubscribe], ar: [إلغاء الاشتراك]}
    patterns: ['^\\W*stop\\W*$']
    replies:
      en: [{text: You get no more offers}]

  - id: thanks
    action: ignore
    examples: {en: [thanks a lot, thank you], ar: [شكرا جزيلا]}
"""
