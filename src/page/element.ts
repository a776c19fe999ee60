/**
 * Elements and components as the compiler can check them: attributes by the element's name, properties by the
 * component's own type. The library's own declarations cannot be had with exact optional properties.
 */
import { type Attributes, type ComponentChildren, h as create, type JSX, type VNode } from "preact";

export type { ComponentChildren, VNode };

/** A function that is shown. */
export type View<P> = (properties: P) => VNode | null;

/** One element, or one component, with what stands in it. */
export function h<Name extends keyof JSX.IntrinsicElements>(name: Name, attributes: JSX.IntrinsicElements[Name] | null, ...children: ComponentChildren[]): VNode;
export function h<P extends object>(view: View<P>, properties: Omit<P, "children"> & Attributes, ...children: ComponentChildren[]): VNode;
export function h(what: string | View<object>, properties: object | null, ...children: ComponentChildren[]): VNode {
  return create(what as string, properties as Attributes | null, ...children) as unknown as VNode;
}
