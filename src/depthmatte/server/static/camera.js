// The camera: a dialog that takes one photo, and the stream that the live view uses too.

import { byId, canvasBlob, openDialog } from "./dom.js";
import { text } from "./texts.js";

const WIDEST = 4096;
const JPEG_QUALITY = 0.95;

/** Open the camera; the error says what to do where it cannot be. */
export async function openCamera(facing, width = WIDEST) {
  if (!navigator.mediaDevices?.getUserMedia) throw new Error(text("camera.unavailable"));
  const video = { facingMode: facing, width: { ideal: width } };
  try {
    return await navigator.mediaDevices.getUserMedia({ video, audio: false });
  } catch (error) {
    throw new Error(text("camera.denied", { reason: error.message || error.name }));
  }
}

export const closeCamera = (stream) => stream?.getTracks().forEach((track) => track.stop());

/** Let the user take a photo; null when the dialog was closed. */
export async function takePhoto() {
  const dialog = byId("camera-dialog");
  const video = byId("viewfinder");
  let facing = "user";
  let stream = await openCamera(facing);
  video.srcObject = stream;
  const flip = async () => {
    closeCamera(stream);
    facing = facing === "user" ? "environment" : "user";
    stream = await openCamera(facing).catch(() => openCamera("user"));
    video.srcObject = stream;
  };
  return new Promise((resolve) => {
    let taken = null;
    const shoot = async () => {
      taken = await frameAsFile(video);
      dialog.close();
    };
    const close = () => dialog.close();
    byId("shoot").addEventListener("click", shoot);
    byId("flip").addEventListener("click", flip);
    byId("camera-close").addEventListener("click", close);
    openDialog(dialog, () => {
      byId("shoot").removeEventListener("click", shoot);
      byId("flip").removeEventListener("click", flip);
      byId("camera-close").removeEventListener("click", close);
      closeCamera(stream);
      video.srcObject = null;
      resolve(taken);
    });
  });
}

/** Return the picture that a video shows as a JPEG file. */
export async function frameAsFile(video) {
  if (!video.videoWidth) await new Promise((resolve) => video.addEventListener("loadeddata", resolve, { once: true }));
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
  canvas.getContext("2d").drawImage(video, 0, 0);
  return new File([await canvasBlob(canvas, "image/jpeg", JPEG_QUALITY)], text("camera.name"), { type: "image/jpeg" });
}
