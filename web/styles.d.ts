/** Styles are imported for their effect: the build puts them into one sheet. */
declare module '*.css';
