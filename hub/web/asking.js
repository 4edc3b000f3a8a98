// The question before what is final, in the place of the button that asks it.

import { saidBy } from "./api.js";
import { h, put } from "./dom.js";
import { t } from "./words.js";

let asked = 0; // questions, so that each has a name

/**
 * A button that asks before `work()` is done; `sure()` is the question, `doing` the button that does it, `look` the
 * class of the one that asks. What goes wrong is told beside the question, which stays.
 */
export function asking(label, sure, doing, work, look = "small danger") {
  const element = h("div", { class: "actions" });
  const rest = (focus) => {
    const button = h("button", { type: "button", class: look, onclick: ask }, label);
    put(element, button);
    if (focus) button.focus();
  };
  const ask = () => {
    const question = h("span", { id: `question-${(asked += 1)}` }, sure());
    const about = { type: "button", "aria-describedby": question.id };
    const stay = h("button", { ...about, class: "small", onclick: () => rest(true) }, t("erase.keep"));
    const trouble = h("p", { class: "trouble", role: "alert", hidden: true });
    const doIt = async () => {
      trouble.hidden = true;
      try {
        await work();
      } catch (error) {
        put(trouble, saidBy(error));
        trouble.hidden = false;
      }
    };
    put(element, question, h("button", { ...about, class: "small danger", onclick: doIt }, doing), stay, trouble);
    stay.focus();
  };
  rest(false);
  return element;
}
