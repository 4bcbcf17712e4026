/** What this Studio is: its address, its reference, who asks. */
import { baseUrl } from '../../api.ts';
import { ButtonLink } from '../../ui/button.tsx';
import { Card, Facts } from '../../ui/page.tsx';
import type { JSX } from 'preact';

export function AboutCard(): JSX.Element {
  const base = baseUrl();
  return (
    <Card
      title="Studio"
      aside={
        <ButtonLink size="small" href={new URL('api/docs', base).href} newTab>
          API reference
        </ButtonLink>
      }
    >
      <Facts
        facts={[
          [
            'Address',
            <span key="address" class="mono">
              {base.href}
            </span>,
          ],
          [
            'API',
            <span key="api" class="mono">
              {new URL('api/v1', base).href}
            </span>,
          ],
        ]}
      />
    </Card>
  );
}
