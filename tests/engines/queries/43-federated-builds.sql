-- Which repositories come in through OpenID Connect?
-- Published: audits of GitHub Actions' OpenID Connect that read `webidfederationdata.attributes`.
-- rows: 1
SELECT useridentity.sessioncontext.webidfederationdata.federatedprovider AS provider,
       useridentity.sessioncontext.webidfederationdata.attributes['token.actions.githubusercontent.com:sub'] AS subject,
       count(*) AS calls
FROM cloudtrail_logs
WHERE useridentity.sessioncontext.webidfederationdata.federatedprovider LIKE '%:oidc-provider/token.actions.githubusercontent.com'
  AND eventtime > '2025-06-04'
GROUP BY 1, 2;
