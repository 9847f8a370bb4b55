// Menus (`details.menu`), dialogs and drawers: closing by Escape or a click elsewhere, arrow keys, focus.

const openMenus = () => document.querySelectorAll<HTMLDetailsElement>("details.menu[open]");

document.addEventListener("click", (event) => {
  const target = event.target as Element;
  for (const menu of openMenus()) {
    const inside = menu.contains(target);
    if (!inside || target.closest(".menu-item:not([data-keep-open])")) menu.open = false;
  }
  const opener = target.closest<HTMLElement>("[data-dialog]");
  // A link that opens a dialog can still be opened beside the page.
  if (opener && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
    const dialog = document.getElementById(opener.dataset.dialog!) as HTMLDialogElement | null;
    if (dialog) {
      event.preventDefault();
      opener.closest<HTMLElement>("[popover]:popover-open")?.hidePopover();
      if (!dialog.open) dialog.showModal();
    }
  }
  if (target.closest("[data-close]")) target.closest("dialog")?.close();
  // A click on the backdrop has the dialog itself as its target.
  if (target instanceof HTMLDialogElement) target.close();
});

document.addEventListener("keydown", (event) => {
  const menu = (event.target as Element).closest?.<HTMLDetailsElement>("details.menu[open]");
  if (!menu) return;
  if (event.key === "Escape") {
    menu.open = false;
    menu.querySelector("summary")?.focus();
    event.stopPropagation();
  }
  if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
  const items = [...menu.querySelectorAll<HTMLElement>(".menu-panel .menu-item, .menu-panel input")];
  if (items.length === 0) return;
  event.preventDefault();
  const at = items.indexOf(document.activeElement as HTMLElement);
  const next = event.key === "ArrowDown" ? at + 1 : at - 1;
  items[(next + items.length) % items.length]?.focus();
});
