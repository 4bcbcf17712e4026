/** Passwords that everybody tries first, of 8 characters and more (shorter ones are refused anyway), lower case. Offline by design. */

/** Whole passwords as lists of leaks have them at the top. */
const WHOLE =
  'password passw0rd p@ssword p@ssw0rd pa55word passwort password1 password12 password123 password1234 password! password1! passw0rd! p@ssw0rd1 mypassword ' +
  '12345678 123456789 1234567890 0123456789 87654321 987654321 9876543210 11111111 00000000 88888888 99999999 12341234 11223344 11112222 12121212 ' +
  '123123123 123321123 147258369 159753456 789456123 741852963 963852741 102030405060 1q2w3e4r 1q2w3e4r5t 1q2w3e4r5t6y 1qaz2wsx 1qazxsw2 zaq12wsx zaq1zaq1 ' +
  'qwertyui qwertyuiop qwerty123 qwerty12 qwerty1234 qwerty12345 qwertz123 qwertzui qwertzuiop azertyuiop asdfghjk asdfghjkl asdfasdf asdf1234 asdfqwer ' +
  'zxcvbnm1 zxcvbnm, zxcvbnm123 zxcvbnm. qazwsxedc qazwsx123 qweasdzxc qweqweqwe qwer1234 q1w2e3r4 q1w2e3r4t5 a1b2c3d4 abcd1234 abc12345 abcdefgh abcdefghi ' +
  'a1234567 a12345678 a123456789 aa123456 aa12345678 ab123456 abc123456 1234abcd 1234qwer 12345qwert 123qweasd 123qwe123 123456ab 123456abc 123456qwerty ' +
  'iloveyou iloveyou1 iloveyou2 iloveyou! iloveu123 loveyou1 lovelove lovely123 princess princess1 princesa sunshine sunshine1 football football1 baseball ' +
  'baseball1 basketball softball volleyball soccer123 superman superman1 batman123 spiderman starwars starwars1 pokemon1 pokemon123 michael1 michelle ' +
  'jennifer jessica1 jonathan samantha victoria elizabeth christian christine alexander alexandra benjamin stephanie charlotte danielle patricia nicholas ' +
  'charlie1 jordan23 jordan123 liverpool liverpool1 chelsea1 chelsea123 arsenal1 barcelona realmadrid juventus manchester newcastle yankees1 cowboys1 ' +
  'steelers patriots packers1 dolphins mercedes corvette mustang1 ferrari1 porsche911 lamborghini yamaha123 computer computer1 internet samsung1 samsung123 ' +
  'google123 facebook facebook1 facebook123 linkedin myspace1 whatever whatever1 trustno1 letmein1 letmein123 letmein! letmeinnow welcome1 welcome12 ' +
  'welcome123 welcome! welcome01 changeme changeme1 changeme123 changeit default1 default123 administrator admin123 admin1234 admin12345 admin123456 ' +
  'adminadmin admin@123 admin2024 admin2025 admin2026 rootroot root1234 toor1234 rootpassword superuser testtest test1234 test12345 test123456 testing1 ' +
  'testing123 testpass tester123 guest123 guestguest user1234 username username1 usuario1 demo1234 demodemo temp1234 temporary login123 loginlogin master12 ' +
  'master123 dragon12 dragon123 monkey12 monkey123 shadow12 shadow123 killer12 killer123 hunter22 hunter123 ranger12 maverick phoenix1 midnight midnight1 ' +
  'blink182 metallica slipknot nirvana1 rockstar1 rockyou1 hello123 hello1234 hellohello helloworld goodluck freedom1 forever1 happy123 happyday cheese123 ' +
  'chocolate chocolate1 cookie123 butterfly butterfly1 butterfly7 flower123 ginger123 pepper123 summer12 summer123 summer2024 summer2025 summer2026 winter12 ' +
  'winter123 winter2024 winter2025 winter2026 spring123 spring2025 spring2026 autumn123 autumn2025 autumn2026 january1 february september september1 ' +
  'november december october1 monday123 friday123 secret12 secret123 topsecret secretpassword security security1 private1 access14 access123 matrix123 ' +
  'ncc1701d ncc1701e startrek startrek1 enterprise gandalf1 legolas1 hogwarts harrypotter snoopy12 tinkerbell scoobydoo mickey123 minecraft minecraft1 ' +
  'fortnite fortnite1 nintendo nintendo1 playstation xbox360x counter1 gamer123 dota2dota warcraft starcraft overwatch roblox123 blahblah blablabla ' +
  'nothing1 nopassword nopass123 password0 passpass pass1234 pass12345 passwords thepassword newpassword oldpassword mypass123 secure123 qwerty!@# ' +
  '!qaz2wsx 1qaz@wsx !@#$%^&* !@#$%^&*( 1qaz!qaz zaq!2wsx p@$$w0rd pa$$word pa$$w0rd passwd123 postgres postgres1 postgresql mysql123 oracle123 redis123 ' +
  'docker123 kubernetes jenkins1 gitlab123 ubuntu123 raspberry raspberrypi vagrant1 ansible1 openshift selfhost selfhosted homelab1 homelab123 runpod123 ' +
  'studio123 studio1234 studiostudio selfhost_studio correcthorsebatterystaple hunter2hunter2 swordfish swordfish1 babygirl babygirl1 beautiful gorgeous ' +
  'sweetheart angel123 anthony1 brandon1 matthew1 william1 thomas123 daniel123 andrew123 joshua123 robert123 ashley123 amanda123 nicole123 hannah123 ' +
  'carolina florida1 california newyork1 newyork123 chicago1 dallas22 london123 paris123 berlin123 germany1 deutschland schalke04 hallo123 hallowelt ' +
  'passwort1 passwort123 geheim123 schatz123 ichliebedich motdepasse bonjour1 bonjour123 soleil123 contrasena contraseña senha123 senha1234 brasil123 ' +
  'corinthians flamengo palmeiras teamo123 tequiero estrella mariposa 5201314520 woaini520 woaini1314 wangyut2 7758521520 qq123456 woaiwojia parola123 ' +
  'haslo123 polska123 kochanie heslo123 lozinka1 sifre123 galatasaray fenerbahce besiktas';

const LIST: ReadonlySet<string> = new Set(WHOLE.split(' '));

/** Words that people take for a password and dress up with digits and marks. */
const WORDS = new Set(
  'password passwort pass admin administrator root user guest test welcome letmein login master secret changeme default studio selfhost qwerty qwertz azerty dragon monkey iloveyou sunshine princess football summer winter spring autumn hello'.split(
    ' ',
  ),
);

/** Rows of keys and counting, forwards; runs of them backwards are found too. */
const RUNS = ['01234567890123456789', 'abcdefghijklmnopqrstuvwxyz', 'qwertyuiopasdfghjklzxcvbnm', 'qwertzuiopasdfghjklyxcvbnm', 'azertyuiopqsdfghjklmwxcvbn'];

/** Why `password` is one of the first to be guessed; undefined when it is not. */
export function commonPasswordFault(password: string): string | undefined {
  const lower = password.toLowerCase();
  const plain = unleet(lower);
  if (LIST.has(lower) || LIST.has(plain)) return 'it is one of the most common passwords';
  if (new Set(lower).size < 3) return 'it repeats one or two characters';
  if (RUNS.some((run) => run.includes(lower) || [...run].toReversed().join('').includes(lower))) return 'it is a run of neighbouring keys or numbers';
  const core = plain.replace(/^[^a-z]+|[^a-z]+$/g, '');
  if (WORDS.has(core) || WORDS.has(lower.replace(/^[^a-z]+|[^a-z]+$/g, ''))) return `it is "${core}" with digits or marks around it`;
  return /^(.{1,4})\1+$/s.test(lower) ? 'it repeats a few characters' : undefined;
}

/** `p4$$w0rd` reads `password`. */
function unleet(text: string): string {
  const letters: Readonly<Record<string, string>> = { '0': 'o', '1': 'i', '3': 'e', '4': 'a', '5': 's', '7': 't', '@': 'a', $: 's', '!': 'i' };
  return text.replace(/(?<=[a-z])[013457@$!]+(?=[a-z])|^[@$]|[@$](?=[a-z])/g, (run) => [...run].map((letter) => letters[letter] ?? letter).join(''));
}
