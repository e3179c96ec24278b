// The pages of this area. They are small and share most of what they need: one chunk for all.
export { GroupFormPage } from "./GroupFormPage";
export { GroupPage } from "./GroupPage";
export { GroupsPage } from "./GroupsPage";
