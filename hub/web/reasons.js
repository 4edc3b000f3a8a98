// What is told in English by the table of rules, the hub and the devices; here it is in Korean. A reason of the owner's
// own is not in these lists and is shown as it was written.

import { h } from "./dom.js";
import { language } from "./words.js";

const RULES = {
  "heavy rain, far louder than usual here": "이곳의 평소보다 훨씬 거센 비",
  "light rain at night": "밤에 내리는 가는 비",
  "rain at night": "밤비",
  "rain": "비",
  "loud thunder, near": "가까이에서 크게 치는 천둥",
  "thunder, far enough": "멀리서 들리는 천둥",
  "a strong wind": "거센 바람",
  "wind": "바람",
  "waves of the sea": "바다의 파도",
  "running water outdoors": "바깥에서 흐르는 물",
  "leaves and the open country": "나뭇잎과 탁 트인 들",
  "birdsong in the morning": "아침의 새소리",
  "birdsong": "새소리",
  "crickets or frogs in the evening": "저녁의 귀뚜라미나 개구리",
  "insects or frogs": "벌레나 개구리",
  "a wild animal's call in the night": "한밤중 야생 동물의 울음",
  "a wild animal's call": "야생 동물의 울음",
  "a crackling fire": "타닥거리는 불",
  "a dog barking loudly at night": "밤에 크게 짖는 개",
  "a dog": "개",
  "a cat": "고양이",
  "animals of a farm": "농장의 동물들",
  "voices, too far to read": "읽기에는 너무 먼 목소리",
  "a roaring crowd, a strain": "지치게 하는 왁자한 군중",
  "a crowd above 80 dB, a strain": "80 dB가 넘는, 지치게 하는 군중",
  "a murmuring crowd, company": "두런거리는 사람들, 함께 있는 느낌",
  "a café or restaurant, loud": "시끄러운 카페나 식당",
  "a café or restaurant": "카페나 식당",
  "children at play": "노는 아이들",
  "laughter": "웃음소리",
  "crying that has gone on for minutes": "몇 분째 이어지는 울음",
  "crying": "울음",
  "applause": "박수",
  "coughing or sneezing": "기침이나 재채기",
  "the breathing of sleep": "잠든 숨소리",
  "breathing or snoring": "숨소리나 코골이",
  "walking": "걸음",
  "loud traffic": "시끄러운 찻길",
  "traffic above 70 dB": "70 dB가 넘는 찻길",
  "traffic in the night": "한밤의 찻길",
  "street traffic": "찻길",
  "a station, people under way": "역, 길 가는 사람들",
  "a train or metro": "기차나 지하철",
  "an aircraft": "비행기",
  "a boat on the water": "물 위의 배",
  "desk work late in the day": "늦은 시간의 책상 일",
  "desk work": "책상 일",
  "cooking, eating or drinking": "요리하고 먹고 마시는 소리",
  "water in a bathroom": "욕실의 물소리",
  "a loud machine in the house": "집 안의 시끄러운 기계",
  "a machine in the house": "집 안의 기계",
  "a ticking clock": "째깍이는 시계",
  "a door or a knock in the night": "한밤중 문소리나 노크",
  "a door or a knock": "문소리나 노크",
  "a siren or an alarm": "사이렌이나 경보",
  "a telephone": "전화",
  "bells or chimes": "종이나 풍경",
  "construction or power tools": "공사나 전동 공구",
  "bangs in the evening, most likely fireworks": "저녁의 펑 소리, 아마도 불꽃놀이",
  "bangs": "펑 하는 소리",
  "breaking glass": "깨지는 유리",
  "loud music": "큰 음악",
  "soft music in the evening": "저녁의 잔잔한 음악",
  "music": "음악",
  "quiet": "고요",
};

/** The reason of a rule {id, because} as {words, lang}. */
export function reasonOf({ because }) {
  const korean = language() === "ko" && Object.hasOwn(RULES, because);
  return korean ? { words: RULES[because], lang: "ko" } : { words: because, lang: "en" };
}

const TOLD = {
  "no sound comes": "소리가 오지 않음",
  "digital silence: is it muted?": "소리가 전혀 없음: 음소거인가요?",
  "one value again and again": "같은 값만 되풀이됨",
  "too loud: lower the gain": "너무 큼: 입력 크기를 낮춰 주세요",
  "the sample rate is not what the driver says": "표본 속도가 드라이버의 말과 다름",
  "the processor is too slow: sound is lost": "처리 장치가 느려 소리를 놓침",
  "the microphone ended": "마이크가 끊김",
  "The file holds no sound.": "파일에 소리가 없습니다.",
  "The file holds no sound that can be read.": "파일에 읽을 수 있는 소리가 없습니다.",
  "The file holds no sound that can be read; give WAV, M4A, WebM, MP3, FLAC or Ogg.": "파일에 읽을 수 있는 소리가 없습니다. WAV, M4A, WebM, MP3, FLAC, Ogg 파일이면 됩니다.",
  "The recording is damaged; what stands before the damage was read.": "녹음이 손상되었습니다. 손상된 곳 앞까지는 읽었습니다.",
  "The recording is longer than an hour; what is within the hour was read.": "녹음이 한 시간보다 깁니다. 처음 한 시간은 읽었습니다.",
  "The recording takes more memory to read than any should; give fewer channels or a lower rate.": "녹음을 읽는 데 메모리가 너무 많이 듭니다. 채널 수나 표본 속도를 낮춰 주세요.",
  "The recording could not be read: its reader ended. Try another format, for instance WAV or M4A.": "녹음을 읽다가 멈추었습니다. WAV나 M4A 같은 다른 형식으로 해 보세요.",
  "The hub's disk is full: nothing was kept. Make room and try again.": "허브의 저장 공간이 가득 차 담지 못했습니다. 자리를 만든 뒤 다시 해 주세요.",
  "The broker is not reached, so the device cannot be asked; try again later.": "브로커에 연결되지 않아 기기에 요청할 수 없습니다. 나중에 다시 해 주세요.",
};

/** What the hub or a device says in English, as children of an element: what has no Korean words is marked as English. */
export function told(english) {
  if (language() !== "ko") return english;
  return Object.hasOwn(TOLD, english) ? TOLD[english] : ["영어 설명: ", h("span", { lang: "en" }, english)];
}
